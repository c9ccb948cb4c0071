"""R2: Redis forgets everything, or is gone for a while, with a thousand timers pending."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis

from app.kernel.database import fetch
from drills.drill import Drill, Round
from drills.people import People
from drills.soundness import assert_sound
from drills.stage import gone, until
from tests.support.desk import Desk
from tests.support.drill_work import MARKS, effect_counts, marks_fired, start_deadlines

TIMERS, TIMERS_SHORT = 1000, 150
BATCH = 50
AWAY_SECONDS = float(os.environ.get("REDIS_AWAY_SECONDS") or 60)
# Every so many rounds it is stopped instead of flushed: ten of sixty.
STOPPED_EVERY = 6
LATE_SECONDS_MAX = 5.0
PAGE_SECONDS_MAX = 2.0


async def run(turn: Round) -> None:
    stage = turn.stage
    is_stopped = turn.is_short or turn.seed % STOPPED_EVERY == 0
    away = (1.5 if turn.is_short else AWAY_SECONDS) if is_stopped else 0.0
    timers = TIMERS_SHORT if turn.is_short else TIMERS
    async with stage.desk() as desk, stage.people(desk) as people:
        await people.sign_in("rm")
        began = time.monotonic()
        lead = 2.5 if turn.is_short else 12.0
        last = lead + max(away, 3.0 if turn.is_short else 8.0) + 2.0
        for _ in range(0, timers, BATCH):
            # Spread over the time of the fault and a little longer; a mark stands at half of it.
            due = [turn.dice.uniform(lead, last) - (time.monotonic() - began) for _ in range(BATCH)]
            await start_deadlines(
                desk.tenant_id, BATCH, due_in=[timedelta(seconds=max(2, int(d) + 1)) for d in due]
            )
        async with _served(turn, people):
            await asyncio.sleep(max(0.0, lead / 2 - (time.monotonic() - began)))
            if is_stopped:
                stage.services.redis.child.ask_to_stop()
                await gone(stage.services.redis.child)
                await asyncio.sleep(away)
                await stage.start_redis()
                turn.counted("stopped times", 1)
            if not is_stopped or turn.is_short:
                await asyncio.sleep(turn.dice.uniform(0, 0.5 if turn.is_short else 4.0))
                redis = Redis.from_url(stage.services.redis.url)
                await redis.flushall()
                await redis.aclose()
                turn.counted("flushed times", 1)
            await asyncio.sleep(max(0.0, last + 1 - (time.monotonic() - began)))

            async def all_fired() -> bool:
                return await marks_fired(desk.tenant_id) == timers * len(MARKS)

            await until(all_fired, seconds=LATE_SECONDS_MAX, what="every mark")
        assert await effect_counts(desk.tenant_id) == {1}
        turn.measured("mark late s", (await marks_late(desk))[1], at_most=LATE_SECONDS_MAX)
        await assert_sound(desk)


async def marks_late(desk: Desk) -> tuple[float, float]:
    """The least and the most that a mark was fired after it stood, in seconds of business time."""
    late = "extract(epoch FROM t.at - t.due_at) + (1 - t.fraction) * d.total_seconds"
    async with desk.working("ops"):
        (row,) = await fetch(
            f"SELECT min({late}) AS least, max({late}) AS most"
            " FROM deadline_trail t JOIN deadline d"
            " ON d.tenant_id = t.tenant_id AND d.id = t.deadline_id"
            " WHERE t.event = 'mark' AND d.kind = 'drill'"
        )
    return float(row["least"]), float(row["most"])


@asynccontextmanager
async def _served(turn: Round, people: People) -> AsyncIterator[None]:
    """A signed-in page is there all the time."""
    stopping = asyncio.Event()

    async def look() -> None:
        while not stopping.is_set():
            began = time.monotonic()
            answer = await people.page("rm", "/redemptions")
            assert answer.status_code == 200, answer.status_code
            turn.measured("page s", time.monotonic() - began, at_most=PAGE_SECONDS_MAX)
            turn.counted("pages served", 1)
            await asyncio.sleep(0.25)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        stopping.set()
        await looking


DRILL = Drill(
    name="R2",
    injects=f"FLUSHALL, or Redis stopped for {AWAY_SECONDS:g} s, with {TIMERS} timers pending",
    to_reach="every mark fires exactly once, at most 5 s late; pages still served",
    rounds=60,
    run=run,
)
