"""The demo's data: where it must not go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import cli
from app.demo import seed
from app.settings import settings


@pytest.fixture
def in_production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ENVIRONMENT", "production")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("in_production")
def test_in_production_it_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(*_: object, **__: object) -> None:
        raise AssertionError("the database was opened")

    monkeypatch.setattr(seed, "start_pool", opened)
    assert cli.main(["seed"]) == 1
    assert "not for production" in capsys.readouterr().err
