"""A sandbox of the custodian, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.integrations.custody.hex_safe import HexSafe
from tests.support.custody_sandbox import API_KEY, Control, sandbox_at


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Control]:
    with sandbox_at(":memory:") as control:
        yield control


@pytest.fixture
def sandbox(sandbox_server: Control) -> Control:
    """A sandbox that confirms at once, with 1,000 USDC in the vault "staging" and nothing else."""
    sandbox_server.reset()
    sandbox_server.fund(vault="staging", balance="1000.00")
    return sandbox_server


@pytest.fixture
async def client(sandbox: Control) -> AsyncIterator[HexSafe]:
    hex_safe = HexSafe(url=sandbox.address, api_key=API_KEY)
    yield hex_safe
    await hex_safe.close()


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client made after this waits 0.2 s for an answer, in place of 3."""
    monkeypatch.setattr(
        "app.integrations.custody.hex_safe.TIMEOUTS",
        httpx.Timeout(connect=1.0, read=0.2, write=1.0, pool=1.0),
    )
