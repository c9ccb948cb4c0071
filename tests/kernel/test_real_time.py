"""Real time is the database's, in a process whose own clock is wrong as well."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from app.kernel import real_time
from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.kernel.real_time import note_database_time, real_now, real_seconds

HOUR = 3600.0


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_time, "_correction", 0.0)


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own clock, and nobody has noticed yet."""
    clock = SimpleNamespace(time=lambda: time.time() + request.param)
    monkeypatch.setattr(real_time, "time", clock)
    assert abs(real_seconds() - time.time()) > HOUR - 1


@pytest.mark.usefixtures("database", "wrong")
async def test_every_unit_of_work_reads_it() -> None:
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        pass
    assert abs(real_seconds() - time.time()) < 1
    assert abs(real_now().timestamp() - time.time()) < 1


@pytest.mark.usefixtures("database")
async def test_it_follows_a_clock_that_is_set_while_we_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (HOUR, 0.0, -HOUR):
        monkeypatch.setattr(
            real_time, "time", SimpleNamespace(time=lambda off=seconds: time.time() + off)
        )
        async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
            pass
        assert abs(real_seconds() - time.time()) < 1


def test_a_slow_answer_is_no_difference() -> None:
    note_database_time(1_000.0, asked=1_000.0, answered=1_030.0)
    note_database_time(1_060.0, asked=1_030.0, answered=1_060.0)
    assert real_time.correction_seconds() == 0


@pytest.mark.parametrize("told", [998.9, 1_002.1])
def test_more_than_a_second_beside_it_is_one(told: float) -> None:
    note_database_time(told, asked=1_000.0, answered=1_001.0)
    assert real_time.correction_seconds() == told - 1_001.0


@pytest.mark.parametrize("told", [999.1, 1_001.9])
def test_less_is_none(told: float) -> None:
    note_database_time(told, asked=1_000.0, answered=1_001.0)
    assert real_time.correction_seconds() == 0


def test_a_known_difference_is_not_taken_anew() -> None:
    note_database_time(5_000.0, asked=1_000.0, answered=1_001.0)
    known = real_time.correction_seconds()
    note_database_time(5_010.3, asked=1_010.0, answered=1_011.2)
    assert real_time.correction_seconds() == known


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_identifiers_sort_with_those_of_processes_whose_clock_is_right(
    own_clock_off: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    before = new_id()
    time.sleep(0.002)
    own_clock_off(off)
    shifted = _as_made_at(off, monkeypatch)
    assert shifted.version == 7
    monkeypatch.undo()
    time.sleep(0.002)
    assert before < shifted < new_id()


def _as_made_at(off: float, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """The library reads the machine's clock, which no test can set: so what it makes is moved."""
    made = uuid7()
    wrong = UUID(int=made.int + (int(off * 1000) << 80))
    monkeypatch.setattr("app.kernel.ids.uuid7", lambda: wrong)
    return new_id()
