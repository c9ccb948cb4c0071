"""R1: a worker dies of SIGKILL somewhere in the middle of payouts and accruals."""

from __future__ import annotations

import asyncio
from typing import Any

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import fetch, unit_of_work
from drills import redeeming
from drills.drill import Drill, Round
from drills.payouts import approved, assert_completed, assert_paid_once, order
from drills.people import People
from drills.soundness import SETTLE_SECONDS_MAX, assert_sound
from drills.stage import gone, kill, until
from tests.support.desk import Desk

DAY_SECONDS = 24 * 3600
# A payout takes some 0.6 s from the trader's click to the custodian's word.
KILL_AFTER_SECONDS_MAX = 0.9
RESUMED_SECONDS_MAX = 5.0


async def run(turn: Round) -> None:
    stage = turn.stage
    async with stage.desk() as desk, stage.people(desk) as people:
        await people.sign_in(*desk.people)
        redemptions = await approved(people, redeeming.HOLDINGS)
        ordering = asyncio.create_task(order(people, redemptions))
        async with unit_of_work(tenant=None, actor=SYSTEM):
            # A day has ended: its yield is accrued, and people are told in the evening.
            await advance_clock(seconds=DAY_SECONDS)
        await asyncio.sleep(turn.dice.uniform(0, KILL_AFTER_SECONDS_MAX))
        victim = turn.dice.choice(stage.workers)
        kill(victim)
        await gone(victim)
        victim.start()
        await ordering

        took = await assert_completed(people)
        turn.measured("resumed s", took, at_most=RESUMED_SECONDS_MAX)
        await assert_paid_once(stage, people, list(redemptions))
        await assert_accrued_once(people)
        await assert_sound(desk)


async def assert_accrued_once(people: People) -> None:
    """The day's yield is posted, and what is posted is what the subscription says: no more."""
    desk = people.desk

    async def is_accrued() -> bool:
        # The day's schedule may still be due when everything that it has ordered is done.
        return all(row["posted"] > 0 for row in await _accruals(desk))

    await until(is_accrued, seconds=SETTLE_SECONDS_MAX, what="the day's accrual")
    rows = await _accruals(desk)
    assert len(rows) == 2, "each client's fixed yield"
    for row in rows:
        assert row["accrued"] == row["posted"], dict(row)


async def _accruals(desk: Desk) -> list[Any]:
    async with desk.working("ops"):
        return await fetch(
            "SELECT s.id, s.accrued, -coalesce(sum(p.amount), 0) AS posted FROM subscription s"
            " JOIN product f ON f.tenant_id = s.tenant_id AND f.id = s.product_id"
            " LEFT JOIN ledger_posting p ON p.tenant_id = s.tenant_id"
            "   AND p.account_id = s.yield_account_id AND EXISTS (SELECT FROM ledger_entry e"
            "     WHERE e.tenant_id = p.tenant_id AND e.id = p.entry_id"
            "     AND e.operation = 'yield.accrue')"
            " WHERE f.kind = 'fixed_yield' GROUP BY s.tenant_id, s.id, s.accrued"
        )


DRILL = Drill(
    name="R1",
    injects="SIGKILL of a worker at a random point of four payouts and a day's accrual",
    to_reach="nothing lost, no effect twice, ledger sums to zero, resumed within 5 s",
    rounds=200,
    run=run,
)
