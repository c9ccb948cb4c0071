"""R9: the machine itself is in trouble: its disk full, its network slow and torn, its clock an hour
off, or it is told to go."""

from __future__ import annotations

import asyncio
import signal
import time

from drills.clocks import clocks_off
from drills.disk import fill
from drills.drill import Drill, Round
from drills.load import Told, assert_kept, under_load
from drills.payouts import approved, assert_completed, assert_paid_once, order
from drills.people import People
from drills.soundness import assert_sound
from drills.stage import gone, until
from tests.support.fault_proxy import spoil

DRAINED_SECONDS_MAX = 10.0
FULL_SECONDS = 3.0
FAULTS = 8
# A client's first requests: from the third within a day on compliance is asked.
HOLDINGS = (("member", "growth"), ("member2", "growth"))


async def run(turn: Round) -> None:
    troubles = (_terminated, _spoiled, _disk_full, clocks_off)
    trouble = _terminated if turn.is_short else troubles[turn.seed % len(troubles)]
    async with turn.stage.desk() as desk, turn.stage.people(desk) as people:
        await people.sign_in(*desk.people)
        await trouble(turn, people)
        await assert_sound(desk)


async def _terminated(turn: Round, people: People) -> None:
    """SIGTERM to one process of ours after another, as a deploy does, with payouts on their way."""
    stage = turn.stage
    redemptions = await approved(people, HOLDINGS)
    async with under_load(people) as told:
        await order(people, redemptions)
        processes = [*stage.web, *stage.workers, stage.relay]
        for child in turn.dice.sample(processes, 2 if turn.is_short else len(processes)):
            began = time.monotonic()
            child.ask_to_stop()
            await gone(child)
            turn.measured("drained s", time.monotonic() - began, at_most=DRAINED_SECONDS_MAX)
            # uvicorn ends by the signal that it was told to go with, once it has drained.
            assert child.exit_code in (0, -signal.SIGTERM), child.failure(
                f"ended with {child.exit_code}"
            )
            await stage.restart(child)
            turn.counted("told to go", 1)
    assert set(told.statuses) <= {200, 201}, told.refusals
    assert not told.unanswered, told.unanswered[:5]
    turn.counted("answers", sum(told.statuses.values()))
    await assert_completed(people)
    await assert_paid_once(stage, people, list(redemptions))
    await assert_kept(people, told)


async def _spoiled(turn: Round, people: People) -> None:
    """The ways to database, Redis and custodian slow, silent, cut and torn, one after another."""
    stage = turn.stage
    async with stage.through_proxies():
        redemptions = await approved(people, HOLDINGS)
        async with under_load(people) as told:
            await asyncio.sleep(0.5)
            await order(people, redemptions)
            for _ in range(FAULTS):
                proxy = turn.dice.choice(
                    (stage.database, stage.database, stage.redis, stage.custody)
                )
                fault = await spoil(proxy, turn.dice, seconds=2.0)
                turn.counted(f"{fault} times", 1)
                await asyncio.sleep(turn.dice.uniform(0, 0.5))
            healed_at = time.monotonic()
            await _has_written_since(told, healed_at)
            turn.measured("back s", told.last_written_at - healed_at)
        _assert_honest(turn, told)
        await assert_completed(people)
    await assert_paid_once(stage, people, list(redemptions))
    await assert_kept(people, told)


async def _disk_full(turn: Round, people: People) -> None:
    """Not a byte is left for PostgreSQL, for a while."""
    stage = turn.stage
    if stage.disk is None:
        turn.counted("left out: no file system of its own", 1)
        return
    ballast = stage.disk / "ballast"
    redemptions = await approved(people, HOLDINGS)
    async with under_load(people) as told:
        await asyncio.sleep(1)
        await order(people, redemptions)
        try:
            await asyncio.to_thread(fill, ballast)
            await asyncio.sleep(FULL_SECONDS)
        finally:
            ballast.unlink(missing_ok=True)
        freed_at = time.monotonic()
        # Out of room for its log it stops by itself; whoever looks after it starts it again.
        if not stage.services.postgres.child.is_running:
            turn.counted("PostgreSQL stopped times", 1)
            await stage.start_postgres()
        await _has_written_since(told, freed_at)
        turn.measured("back s", told.last_written_at - freed_at)
    _assert_honest(turn, told)
    await assert_completed(people)
    await assert_paid_once(stage, people, list(redemptions))
    await assert_kept(people, told)


async def _has_written_since(told: Told, moment: float) -> None:
    async def has_written() -> bool:
        return told.last_written_at > moment

    await until(has_written, seconds=90, what="a write to succeed")


def _assert_honest(turn: Round, told: Told) -> None:
    """Done, or not there at the moment: nothing else was said."""
    assert set(told.statuses) <= {200, 201, 503}, told.refusals
    assert not told.unanswered, told.unanswered[:5]
    turn.counted("answers", sum(told.statuses.values()))
    turn.counted("answers of 503", told.statuses[503])
    turn.measured("longest answer s", told.longest_seconds)


DRILL = Drill(
    name="R9",
    injects="SIGTERM under load; ways slow, silent, cut and torn; a full disk; clocks an hour off",
    to_reach="no half state; drained in 10 s; no request dropped on a deploy",
    rounds=60,
    run=run,
    needs_disk=True,
)
