"""What every worker does each second, Redis or no Redis: find what is due, and see to it.

Each part has a loop of its own, so that a slow one delays no other. A part that raises is logged
and counted, and comes round again a second later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import structlog

from app import metrics
from app.kernel.audit.checkpoints import checkpoint_due
from app.kernel.audit.sealer import seal_due
from app.kernel.deadlines.firing import fire_due, seconds_to_next_mark
from app.kernel.deadlines.schedules import ensure_schedules, run_due_schedules
from app.kernel.jobs.lanes import Lanes
from workers.measuring import CHECKS_SECONDS, LAG_SECONDS, measure_checks, measure_lag
from workers.schedules import SCHEDULES

SWEEP_SECONDS = 1.0
# Added to a time at which something will be due: a timer may go off a millisecond early.
SURELY_SECONDS = 0.002
ENSURE_SECONDS = 10.0
CHECKPOINT_SECONDS = 600.0

_log = structlog.get_logger(__name__)


class Bell:
    """Wakes whoever waits for it. Rung while nobody waits, it is heard by the next who does."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, seconds: float) -> None:
        """Rings then, if nobody rings before."""
        asyncio.get_running_loop().call_later(seconds, self._rung.set)

    async def wait(self, seconds: float) -> None:
        """Until it rings, or for `seconds`."""
        # Others get their turn even where it rings without end.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()


async def repeat(
    part: str, work: Callable[[], Awaitable[Any]], *, seconds: float, bell: Bell | None = None
) -> NoReturn:
    """Do `work` each time the bell rings and every `seconds`, whatever it raises."""
    bell = bell or Bell()
    errors = metrics.SWEEP_ERRORS.labels(part)
    while True:
        try:
            await work()
        except Exception:
            errors.inc()
            _log.exception("sweep failed", part=part)
        await bell.wait(seconds)


async def fire_all_due() -> None:
    """Marks until none is due: business time may have jumped over several of one deadline."""
    while await fire_due():
        pass


async def fire_marks(bell: Bell) -> None:
    """Fire what is due, and ring at the moment at which the next mark will be, if that is soon."""
    await fire_all_due()
    seconds = await seconds_to_next_mark()
    if seconds is not None and seconds < SWEEP_SECONDS:
        bell.ring_in(seconds + SURELY_SECONDS)


class Sweeper:
    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.jobs_bell = Bell()
        lanes.on_room = self.jobs_bell.ring
        self.clock_bells = (Bell(), Bell())

    def time_moved(self) -> None:
        for bell in self.clock_bells:
            bell.ring()

    def parts(self) -> list[Awaitable[NoReturn]]:
        marks_bell, schedules_bell = self.clock_bells
        return [
            repeat("jobs", self.lanes.sweep, seconds=SWEEP_SECONDS, bell=self.jobs_bell),
            repeat(
                "deadlines",
                lambda: fire_marks(marks_bell),
                seconds=SWEEP_SECONDS,
                bell=marks_bell,
            ),
            repeat(
                "schedules",
                lambda: run_due_schedules(SCHEDULES),
                seconds=SWEEP_SECONDS,
                bell=schedules_bell,
            ),
            repeat("schedule rows", lambda: ensure_schedules(SCHEDULES), seconds=ENSURE_SECONDS),
            repeat("audit seal", seal_due, seconds=SWEEP_SECONDS),
            repeat("audit checkpoint", checkpoint_due, seconds=CHECKPOINT_SECONDS),
            repeat("lag", measure_lag, seconds=LAG_SECONDS),
            repeat("checks", measure_checks, seconds=CHECKS_SECONDS),
        ]
