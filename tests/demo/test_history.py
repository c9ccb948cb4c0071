"""A past that is lived through by the real operations: nothing broken, nothing left to do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app.demo.people import AURORA
from app.demo.plan import Plan
from app.demo.scales import Size, make_plan
from app.demo.seed import live_through, read_prices
from app.domains.identity.public import add_membership, create_account, permissions_of
from app.domains.investments.public import RedemptionState, custody_accounts
from app.integrations.custody import close_custody, custody
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.invariants import verify_tenant
from app.kernel.notifications.mail import MAIL_JOB
from app.registry import load
from app.settings import settings
from tests.support.database import TestTenant
from tests.support.drain import check_events

SAMPLE = Size(clients=60, days=100)


async def people_of(tenant: TestTenant) -> dict[str, Actor]:
    people = {}
    for person in AURORA:
        account_id = await create_account(
            email=f"{person.login}@{tenant.slug}.example", name=person.name
        )
        people[person.login] = Actor(
            id=await add_membership(account_id=account_id, role=person.role),
            name=person.name,
            role=person.role.value,
            permissions=permissions_of(person.role),
        )
    return people


async def lived(tenant: TestTenant) -> tuple[Plan, dict[str, UUID]]:
    load()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        people = await people_of(tenant)
        await read_prices(SAMPLE.products)
        plan = make_plan(SAMPLE, now=unit.now)
    history = await live_through(tenant.id, people, plan, custody_url=settings().custody_url)
    return plan, history.requesting.redemptions


async def test_a_sample_of_the_year_ends_as_planned_and_breaks_nothing(tenant: TestTenant) -> None:
    """One long test, because the sample takes seconds to live through."""
    plan, redemptions = await lived(tenant)
    for result in await verify_tenant(tenant_id=tenant.id):
        assert result.ok, (result.name, result.violations[:3])
    await check_events(tenant.id)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM, read_only=True):
        await _every_request_ended_as_planned(plan, redemptions)
        await _deadlines_tell_the_same_story(plan)
        await _nobody_is_mailed_and_no_job_is_left(plan)
        await _only_the_last_day_is_unread(plan)
        await _the_custodian_holds_what_the_ledger_expects()


async def _every_request_ended_as_planned(plan: Plan, redemptions: dict[str, UUID]) -> None:
    rows = await fetch("SELECT id, state FROM redemption")
    states = {row["id"]: RedemptionState(row["state"]) for row in rows}
    assert len(states) == len(plan.requests)
    other = {
        one.key: (states[redemptions[one.key]], one.ends)
        for one in plan.requests
        if states[redemptions[one.key]] is not one.ends
    }
    assert not other
    assert set(states.values()) == set(RedemptionState)


async def _deadlines_tell_the_same_story(plan: Plan) -> None:
    counts = Counter(
        (row["kind"], row["state"]) for row in await fetch("SELECT kind, state FROM deadline")
    )
    # Late, and on record as such; at risk; run out and still waiting.
    assert counts["approval", "breached"] >= 3
    assert counts["payout", "breached"] >= 2
    assert counts["client", "breached"] >= 1
    early = await fetch_value("SELECT count(*) FROM deadline_trail WHERE at > $1", plan.now)
    assert early == 0
    lapsed = await fetch_value("SELECT count(*) FROM redemption_event WHERE event = 'lapsed'")
    assert lapsed >= 1
    unordered = await fetch(
        "SELECT redemption_id FROM (SELECT redemption_id, at,"
        " lag(at) OVER (PARTITION BY redemption_id ORDER BY id) AS before FROM redemption_event)"
        " AS steps WHERE at < before"
    )
    assert unordered == []


async def _nobody_is_mailed_and_no_job_is_left(plan: Plan) -> None:
    waiting = Counter(
        row["kind"] for row in await fetch("SELECT kind FROM job WHERE state <> 'done'")
    )
    # What is ready, what is on its way, and one look at the vaults.
    assert waiting == {"payout.send": 2, "investments.read_custody_balances": 1}
    assert await fetch_value("SELECT count(*) FROM job WHERE kind = $1", MAIL_JOB) == 0


async def _only_the_last_day_is_unread(plan: Plan) -> None:
    oldest = await fetch_value("SELECT min(created_at) FROM notification WHERE read_at IS NULL")
    assert oldest > plan.now - timedelta(days=1)
    told = await fetch_value("SELECT count(*) FROM notification")
    assert told > 300


async def _the_custodian_holds_what_the_ledger_expects() -> None:
    try:
        for account in await custody_accounts():
            reference = await fetch_value(
                "SELECT reference FROM custody_account WHERE id = $1", account.id
            )
            (held,) = await custody().read_balances(reference=reference)
            on_its_way: Decimal = await fetch_value(
                "SELECT coalesce(sum(r.net), 0) FROM redemption r"
                " WHERE r.source_account_id = $1 AND r.state = 'in_transit'",
                account.id,
            )
            # The network's fee is gone with what is on its way.
            assert abs(account.expected - on_its_way - held.balance) < Decimal("0.01")
        paid = await fetch("SELECT id, reference FROM payout WHERE state = 'confirmed'")
        for row in paid[:5]:
            known = await custody().lookup_payout(idempotency_key=str(row["id"]))
            assert known is not None
            assert known.reference == row["reference"]
    finally:
        await close_custody()
