"""Approving, rejecting and cancelling: who may, once, and what it does to units and money."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domains.investments.operations.redemption_approve import decide_redemption
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_trail import (
    Changed,
    WrongState,
    lock_redemption,
    move,
)
from app.domains.investments.queries.subscriptions import own_subscription
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.operations import NotYourDecision, decide, delegate
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from tests.investments import steps
from tests.support.desk import Desk
from tests.support.drain import drain
from tests.support.invariants import assert_invariants_hold


class TestApprove:
    async def test_strikes_and_starts_the_36_hours(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, portion=Portion(units="20000"))
        await steps.decide(desk, redemption_id, note="Known client")
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.approved
        assert [(timer.kind, timer.state) for timer in view.deadlines] == [
            ("approval", "met"),
            ("payout", "running"),
        ]
        assert view.deadlines[1].total_seconds == 36 * 3600
        assert [event.event for event in view.timeline] == ["requested", "approved"]
        await assert_invariants_hold(desk.tenant_id)

    async def test_of_nav_units_settles_at_the_nav(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth")
        await steps.decide(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved
        await assert_invariants_hold(desk.tenant_id)

    async def test_twenty_at_once_have_one_effect(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        answers = await asyncio.gather(
            *(steps.decide(desk, redemption_id) for _ in range(20)), return_exceptions=True
        )
        refused = [answer for answer in answers if answer is not None]
        assert len(refused) == 19
        assert all(isinstance(answer, WrongState) for answer in refused)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT count(*) FROM approval_decision") == 1
            assert await fetch_value("SELECT count(*) FROM deadline WHERE kind = 'payout'") == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_against_cancel_at_once_one_of_them_wins(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)

        async def cancel() -> None:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
                await cancel_redemption(redemption_id=redemption_id)

        answers = await asyncio.gather(
            steps.decide(desk, redemption_id), cancel(), return_exceptions=True
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "WrongState"]
        await assert_invariants_hold(desk.tenant_id)

    @pytest.mark.parametrize("login", ["rm2", "member2"])
    async def test_by_another_is_not_there(self, desk: Desk, login: str) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(NotFound):
            await steps.decide(desk, redemption_id, by=login)

    @pytest.mark.parametrize("login", ["member", "ops", "compliance"])
    async def test_by_somebody_who_sees_it_but_may_not_is_refused(
        self, desk: Desk, login: str
    ) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(NotYourDecision):
            await steps.decide(desk, redemption_id, by=login)

    async def test_by_a_delegate_counts_while_the_manager_is_away(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]) as unit:
            await delegate(
                to_membership_id=desk.people["rm2"].id,  # type: ignore[arg-type]
                permissions=["redemption:approve"],
                starts_at=unit.now,
                ends_at=unit.now + timedelta(days=2),
            )
        await steps.decide(desk, redemption_id, by="rm2")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_through_the_approval_itself_does_the_same(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]):
            await decide(approval_id=approval_id, decision=Decision.approve, note="")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_of_an_older_version_says_that_it_changed(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(Changed):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]):
                await decide_redemption(
                    redemption_id=redemption_id, decision=Decision.approve, note="", version=7
                )


class TestReject:
    async def test_returns_the_units(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id, decision="reject", note="Wrong wallet")
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.rejected
        assert view.timeline[-1].note == "Wrong wallet"
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            held = await own_subscription(subscription_id=desk.subscriptions["member", "yield"])
        assert (held.units, held.units_locked) == (Decimal(50000), Decimal(0))
        await assert_invariants_hold(desk.tenant_id)

    async def test_needs_a_note(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(InputInvalid) as refusal:
            await steps.decide(desk, redemption_id, decision="reject", note="  ")
        assert refusal.value.errors[0].field == "note"

    async def test_of_an_approved_one_is_refused(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        with pytest.raises(WrongState):
            await steps.decide(desk, redemption_id, decision="reject", note="Late")


class TestCancel:
    async def test_by_the_client_returns_the_units_and_stops_the_clock(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await cancel_redemption(redemption_id=redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.cancelled
        assert [timer.state for timer in view.deadlines] == ["cancelled"]
        await assert_invariants_hold(desk.tenant_id)

    async def test_by_another_client_is_not_there(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        with pytest.raises(NotFound):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member2"]):
                await cancel_redemption(redemption_id=redemption_id)

    async def test_after_approval_is_refused(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        with pytest.raises(WrongState):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
                await cancel_redemption(redemption_id=redemption_id)


async def test_each_step_tells_the_people_it_concerns(desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    await drain()
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        told = {
            login: await fetch_value(
                "SELECT array_agg(event_type ORDER BY event_type) FROM notification"
                " WHERE recipient_id = $1 AND event_type LIKE 'redemption.%'",
                desk.people[login].id,
            )
            for login in ("member", "rm", "trader", "trader2", "member2", "rm2")
        }
    both = ["redemption.approved", "redemption.requested"]
    assert told["member"] == told["rm"] == both
    assert told["trader"] == told["trader2"] == ["redemption.approved"]
    assert told["member2"] is None and told["rm2"] is None


async def test_no_step_takes_a_redemption_where_none_leads(desk: Desk) -> None:
    """Whatever a step forgot to check: the move itself knows the ways there are."""
    redemption_id = await steps.request(desk)
    async with desk.working("ops"):
        redemption = await lock_redemption(redemption_id=redemption_id)
        with pytest.raises(WrongState, match="pending_approval to completed"):
            await move(redemption, RedemptionState.completed, event="completed")
    assert (await steps.seen(desk, redemption_id)).state is RedemptionState.pending_approval
