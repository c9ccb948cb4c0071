"""The worker killed between any two steps of a payout: it is paid, and paid once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.values import RedemptionState
from app.kernel.database import execute, fetch_value, unit_of_work
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.invariants import assert_invariants_hold
from tests.support.killed_worker import work_until_killed

STEPS_MIN = 20
STEPS_MAX = 150


async def test_is_paid_once_wherever_it_dies(desk: Desk, sandbox: Control) -> None:
    paid: dict[str, Decimal] = {}
    for step in range(1, STEPS_MAX):
        redemption_id = await _ready(desk)
        payout_id = await _payout_of(desk, redemption_id)
        killed = await asyncio.to_thread(
            work_until_killed, tenant_id=desk.tenant_id, kind="payout.send", kill_at=step
        )
        if killed:
            await _take_over(desk)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.completed, f"killed before step {step}"
        paid[str(payout_id)] = view.amounts.net
        if not killed:
            break
    assert step >= STEPS_MIN, "a payout has more steps than that"
    executed = sandbox.withdrawals()
    assert {item["idempotency_key"]: Decimal(item["amount"]) for item in executed} == paid
    assert len(executed) == len(paid)
    await assert_invariants_hold(desk.tenant_id)


async def _ready(desk: Desk) -> UUID:
    redemption_id = await steps.request(desk, portion=Portion(units="100"))
    await steps.decide(desk, redemption_id)
    if (await steps.seen(desk, redemption_id)).state is RedemptionState.pending_compliance:
        await steps.clear(desk, redemption_id)  # from the third on
    await steps.ready(desk, redemption_id)
    return redemption_id


async def _payout_of(desk: Desk, redemption_id: UUID) -> UUID:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        found: UUID = await fetch_value(
            "SELECT id FROM payout WHERE redemption_id = $1", redemption_id
        )
        return found


async def _take_over(desk: Desk) -> None:
    """Another worker comes by once the dead one's lease has run out."""
    for _ in range(20):
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            # Three seconds, in the test's time.
            await execute(
                "UPDATE job SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE state = 'running'"
            )
            await execute(
                "UPDATE job SET due_at = clock_timestamp()"
                " WHERE state = 'pending' AND kind = 'payout.send'"
            )
        jobs = [
            ref
            for ref in await due_jobs(limit=500)
            if ref.tenant_id == desk.tenant_id and ref.kind == "payout.send"
        ]
        if not jobs:
            return
        for ref in jobs:
            await run_job(ref)
    raise AssertionError("the payout's job never came to an end")
