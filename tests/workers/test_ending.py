"""The parts of a process end, however often they have to be told."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from workers.process import end, running

# The first of them come at the wrong moment, and are swallowed.
SWALLOWED = 4


async def _hard_of_hearing() -> None:
    """As the Redis client is: `asyncio.wait_for` swallows a cancellation that comes with an answer."""
    for _ in range(SWALLOWED):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


async def test_what_swallows_a_cancellation_is_cancelled_again() -> None:
    task = asyncio.create_task(_hard_of_hearing())
    await asyncio.sleep(0)
    await end([task])
    assert task.cancelled()


async def test_a_part_does_not_end_before_what_it_has_started() -> None:
    """It is told again as well, and would leave the other to itself: a process that never ends."""
    inner: list[asyncio.Task[None]] = []
    cleared_up = asyncio.Event()

    async def part() -> None:
        inner.append(asyncio.create_task(_hard_of_hearing()))
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await end(inner)
            finally:
                cleared_up.set()

    async with running([part()]):
        await asyncio.sleep(0)
    try:
        assert cleared_up.is_set()
        assert [task.cancelled() for task in inner] == [True]
    finally:
        # Or the tests' own loop would wait for it without end.
        while not inner[0].done():
            inner[0].cancel()
            await asyncio.sleep(0)
