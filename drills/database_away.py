"""R3: PostgreSQL stops at once under load, its backends are ended, or every connection is busy."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from drills.drill import Drill, Round
from drills.load import Told, assert_kept, under_load
from drills.soundness import assert_sound
from drills.stage import Stage, gone, until
from tests.support.database import connected

BACK_SECONDS_MAX = 3.0
FAULTS = ("crashed", "terminated", "exhausted", "one backend killed", "crashed", "stopped fast")
# Longer than anybody waits for a connection.
LOCKED_SECONDS = 7.0


async def run(turn: Round) -> None:
    stage = turn.stage
    fault = FAULTS[turn.seed % len(FAULTS)]
    if turn.is_short:
        fault = "crashed"
    before = [child.pid for child in stage.ours]
    async with stage.desk() as desk, stage.people(desk) as people:
        async with under_load(people) as told:
            await asyncio.sleep(turn.dice.uniform(1.0, 2.0))
            assert told.redemptions, "there is load"
            back_at = await _inject(stage, fault, turn)
            await _assert_back(turn, told, back_at)
            await asyncio.sleep(0.5)
        assert [child.pid for child in stage.ours] == before, "no process of ours was started anew"
        assert all(child.is_running for child in stage.ours)
        refused = {status for status in told.statuses if status >= 400}
        assert refused <= {503}, told.refusals
        assert not told.unanswered, told.unanswered[:5]
        turn.counted(f"{fault} times", 1)
        turn.counted("answers", sum(told.statuses.values()))
        turn.counted("answers of 503", told.statuses[503])
        await assert_kept(people, told)
        await assert_sound(desk)


async def _inject(stage: Stage, fault: str, turn: Round) -> float:
    """Do it; returns when the database takes work again."""
    postgres = stage.services.postgres.child
    if fault in ("crashed", "stopped fast"):
        if fault == "crashed":
            stage.crash_postgres()
        else:
            postgres.ask_to_stop()
        await gone(postgres)
        await asyncio.sleep(turn.dice.uniform(0, 0.5 if turn.is_short else 2.0))
        await stage.start_postgres()
    elif fault == "terminated":
        async with connected(stage.urls.admin) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'stakehold_app' AND pid <> pg_backend_pid()"
            )
    elif fault == "one backend killed":
        async with connected(stage.urls.admin) as admin:
            victim = await admin.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'stakehold_app' LIMIT 1"
            )
        # PostgreSQL takes nobody's memory on trust then: every backend ends, and it recovers.
        os.kill(_outside(stage, victim), signal.SIGKILL)
        await until(
            lambda: asyncio.to_thread(lambda: "all server processes terminated" in postgres.tail()),
            seconds=10,
            what="PostgreSQL to notice",
        )
        await until(
            lambda: asyncio.to_thread(stage.services.postgres.is_ready), seconds=30, what="it"
        )
    else:
        async with connected(stage.urls.admin) as admin, admin.transaction():
            await admin.execute("LOCK TABLE redemption, session IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(LOCKED_SECONDS)
    return time.monotonic()


def _outside(stage: Stage, pid: int) -> int:
    """A user namespace shares our process ids."""
    return pid


async def _assert_back(turn: Round, told: Told, back_at: float) -> None:
    """Writes succeed again soon."""

    async def has_written() -> bool:
        return told.last_written_at > back_at

    await until(has_written, seconds=20, what="a write to succeed")
    turn.measured("back s", told.last_written_at - back_at, at_most=BACK_SECONDS_MAX)


DRILL = Drill(
    name="R3",
    injects="PostgreSQL crashed or stopped, backends ended, every connection busy, under load",
    to_reach="nothing acknowledged is missing; 503, never 500; back within 3 s, no restart of ours",
    rounds=120,
    run=run,
)
