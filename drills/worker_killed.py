"""R1: a worker dies of SIGKILL somewhere in the middle of payouts and accruals."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import fetch, unit_of_work
from drills import redeeming
from drills.drill import Drill, Round
from drills.people import People
from drills.soundness import assert_sound
from drills.stage import gone, kill, until

DAY_SECONDS = 24 * 3600
# A payout takes some 0.6 s from the trader's click to the custodian's word.
KILL_AFTER_SECONDS_MAX = 0.9
RESUMED_SECONDS_MAX = 5.0


async def run(turn: Round) -> None:
    stage = turn.stage
    async with stage.desk() as desk, stage.people(desk) as people:
        await people.sign_in(*desk.people)
        redemptions = {
            await redeeming.approved(people, login, key): key for login, key in redeeming.HOLDINGS
        }
        ordering = asyncio.gather(
            *(redeeming.ready(people, redemption, key) for redemption, key in redemptions.items())
        )
        async with unit_of_work(tenant=None, actor=SYSTEM):
            # A day has ended: its yield is accrued, and people are told in the evening.
            await advance_clock(seconds=DAY_SECONDS)
        await asyncio.sleep(turn.dice.uniform(0, KILL_AFTER_SECONDS_MAX))
        victim = turn.dice.choice(stage.workers)
        kill(victim)
        await gone(victim)
        victim.start()
        await ordering

        async def is_completed() -> bool:
            return set(await _states(people)) == {"completed"}

        took = await until(is_completed, seconds=30, what="every payout")
        turn.measured("resumed s", took, at_most=RESUMED_SECONDS_MAX)
        await _assert_paid_once(turn, people, list(redemptions))
        await assert_sound(desk)
        await _assert_accrued_once(people)


async def _states(people: People) -> list[str]:
    async with people.desk.working("ops"):
        return [row["state"] for row in await fetch("SELECT state FROM redemption")]


async def _assert_paid_once(turn: Round, people: People, redemptions: list[str]) -> None:
    """Of each redemption, the custodian has carried out one withdrawal, of its net."""
    async with people.desk.working("ops"):
        payouts = {
            str(row["id"]): (str(row["redemption_id"]), row["net"])
            for row in await fetch(
                "SELECT p.id, p.redemption_id, r.net FROM payout p JOIN redemption r"
                " ON r.tenant_id = p.tenant_id AND r.id = p.redemption_id"
            )
        }
    assert sorted(redemption for redemption, _ in payouts.values()) == sorted(redemptions)
    executed = [
        (item["idempotency_key"], Decimal(item["amount"]))
        for item in await asyncio.to_thread(turn.stage.sandbox.withdrawals)
        if item["idempotency_key"] in payouts
    ]
    assert sorted(executed) == sorted((key, net) for key, (_, net) in payouts.items())


async def _assert_accrued_once(people: People) -> None:
    async with people.desk.working("ops"):
        rows = await fetch(
            "SELECT s.id, s.accrued, -coalesce(sum(p.amount), 0) AS posted FROM subscription s"
            " JOIN product f ON f.tenant_id = s.tenant_id AND f.id = s.product_id"
            " LEFT JOIN ledger_posting p ON p.tenant_id = s.tenant_id"
            "   AND p.account_id = s.yield_account_id AND EXISTS (SELECT FROM ledger_entry e"
            "     WHERE e.tenant_id = p.tenant_id AND e.id = p.entry_id"
            "     AND e.operation = 'yield.accrue')"
            " WHERE f.kind = 'fixed_yield' GROUP BY s.tenant_id, s.id, s.accrued"
        )
    assert len(rows) == 2, "each client's fixed yield"
    for row in rows:
        assert row["accrued"] == row["posted"] > 0, dict(row)


DRILL = Drill(
    name="R1",
    injects="SIGKILL of a worker at a random point of four payouts and a day's accrual",
    to_reach="nothing lost, no effect twice, ledger sums to zero, resumed within 5 s",
    rounds=200,
    run=run,
)
