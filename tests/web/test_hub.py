"""The hub of a process's live pages, by itself."""

from __future__ import annotations

import asyncio

import pytest

from app.web.live_hub import Hub


@pytest.mark.parametrize("turns", range(6))
async def test_ends_though_somebodys_sessions_end_in_the_same_moment(turns: int) -> None:
    """Whichever of the two comes first by a turn or two of the loop: the process must not stay."""
    hub = Hub()
    async with asyncio.timeout(2), hub.running():
        await asyncio.sleep(0.01)
        assert hub._sessions_ended is not None
        hub._sessions_ended.set()
        for _ in range(turns):
            await asyncio.sleep(0)
