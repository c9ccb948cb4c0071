"""Compliance approves as well: who asks them, who may decide, and what comes of it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_approve import clear_redemption
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_hold import (
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_trail import Changed, WrongState
from app.domains.investments.queries.desks import approvals_page, compliance_page
from app.domains.investments.queries.subscriptions import own_subscription
from app.domains.investments.values import RedemptionState
from app.kernel.actors import SYSTEM
from app.kernel.approvals.operations import NotYourDecision, decide
from app.kernel.approvals.values import Decision
from app.kernel.database import execute, fetch, fetch_value, unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from tests.investments import steps
from tests.support.desk import Desk, price
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold

ONE = Portion(units="1")


async def _reasons(desk: Desk, redemption_id: UUID) -> list[str]:
    async with desk.working("ops"):  # type: ignore[attr-defined]
        found: list[str] = await fetch_value(
            "SELECT clearance_reasons FROM redemption WHERE id = $1", redemption_id
        )
    return found


async def _told(desk: Desk, login: str) -> list[str]:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
        rows = await fetch(
            "SELECT event_type FROM notification WHERE recipient_id = $1"
            " AND event_type NOT LIKE 'destination.%' ORDER BY id",
            desk.people[login].id,
        )
    return [row["event_type"].removeprefix("redemption.") for row in rows]


async def _units(desk: Desk) -> tuple[Decimal, Decimal]:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
        held = await own_subscription(subscription_id=desk.subscriptions["member", "yield"])
    return held.units, held.units_locked


class TestVelocity:
    async def test_the_third_request_within_a_day_needs_compliance(self, desk: Desk) -> None:
        first, second, third = [await steps.request(desk, portion=ONE) for _ in range(3)]
        for redemption_id in (first, second, third):
            await steps.decide(desk, redemption_id)
        states = [(await steps.seen(desk, one)).state.value for one in (first, second, third)]
        assert states == ["approved", "approved", "pending_compliance"]
        assert await _reasons(desk, third) == ["Request number 3 of this client within 24 hours"]

    async def test_requests_of_yesterday_do_not_count(self, desk: Desk) -> None:
        for _ in range(2):
            await steps.request(desk, portion=ONE)
        await advance(hours=24)
        assert await _reasons(desk, await steps.request(desk, portion=ONE)) == []

    async def test_another_clients_requests_do_not_count(self, desk: Desk) -> None:
        for _ in range(2):
            await steps.request(desk, login="member2", portion=ONE)
        assert await _reasons(desk, await steps.request(desk, portion=ONE)) == []

    async def test_three_at_once_from_two_holdings_are_three(self, desk: Desk) -> None:
        made = await asyncio.gather(
            steps.request(desk, portion=ONE),
            steps.request(desk, key="growth", portion=ONE),
            steps.request(desk, portion=ONE),
        )
        found = [await _reasons(desk, one) for one in made]
        assert sorted(map(len, found)) == [0, 0, 1]


class TestAmount:
    """50,000.00 units of one USDT each: the price makes it large."""

    @pytest.mark.parametrize(
        ("usd", "state"),
        [("9.999999", "approved"), ("10", "approved"), ("10.000001", "pending_compliance")],
    )
    async def test_above_half_a_million_dollars_needs_compliance(
        self, desk: Desk, usd: str, state: str
    ) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            await price(USDT=usd)
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state == state
        await assert_invariants_hold(desk.tenant_id)

    @pytest.mark.parametrize("change", ["age", "forget"])
    async def test_without_a_fresh_price_needs_compliance(self, desk: Desk, change: str) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            if change == "age":
                await execute(
                    "UPDATE asset_price SET as_of = clock_timestamp() - interval '15 minutes'"
                    " WHERE asset = 'USDT'"
                )
            else:
                await execute("UPDATE asset_price SET asset = 'ETH' WHERE asset = 'USDT'")
        redemption_id = await steps.request(desk, portion=ONE)
        assert await _reasons(desk, redemption_id) == [
            "No price of USDT in US dollars is known that is fresh enough"
        ]
        # Another asset's is another matter.
        assert await _reasons(desk, await steps.request(desk, key="growth", portion=ONE)) == []


class TestClear:
    async def test_strikes_on_the_deciding_vote_alone(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk, portion=Portion(units="20000"))
        asked = await steps.seen(desk, redemption_id)
        assert asked.state is RedemptionState.pending_compliance
        assert [(timer.kind, timer.state) for timer in asked.deadlines] == [
            ("approval", "met"),
            ("compliance", "running"),
        ]
        assert asked.deadlines[1].total_seconds == 12 * 3600
        assert await _units(desk) == (Decimal(30000), Decimal(20000))
        await assert_invariants_hold(desk.tenant_id)
        await steps.clear(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.approved
        assert [(timer.kind, timer.state) for timer in view.deadlines] == [
            ("approval", "met"),
            ("compliance", "met"),
            ("payout", "running"),
        ]
        assert [event.event for event in view.timeline] == [
            "requested",
            "compliance_asked",
            "approved",
        ]
        await assert_invariants_hold(desk.tenant_id)

    async def test_says_to_compliance_alone_why_they_are_asked(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        why = (await steps.seen(desk, redemption_id, by="compliance")).clearance
        assert why.startswith("Request number 3")
        for login in ("member", "rm", "ops"):
            assert (await steps.seen(desk, redemption_id, by=login)).clearance == ""

    @pytest.mark.parametrize("login", ["rm", "member", "ops"])
    async def test_by_somebody_else_who_sees_it_is_refused(self, desk: Desk, login: str) -> None:
        redemption_id = await steps.at_compliance(desk)
        with pytest.raises(NotYourDecision):
            await steps.clear(desk, redemption_id, by=login)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        with pytest.raises(NotYourDecision):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
                await decide(approval_id=approval_id, decision=Decision.approve, note="")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.pending_compliance

    @pytest.mark.parametrize("login", ["rm2", "member2", "trader"])
    async def test_by_somebody_who_does_not_see_it_is_not_there(
        self, desk: Desk, login: str
    ) -> None:
        redemption_id = await steps.at_compliance(desk)
        with pytest.raises(NotFound):
            await steps.clear(desk, redemption_id, by=login)

    async def test_before_the_manager_is_refused(self, desk: Desk) -> None:
        for _ in range(2):
            await steps.request(desk, portion=ONE)
        redemption_id = await steps.request(desk, portion=ONE)
        with pytest.raises(WrongState):
            await steps.clear(desk, redemption_id)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        with pytest.raises(NotYourDecision):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                await decide(approval_id=approval_id, decision=Decision.approve, note="")

    async def test_by_the_manager_a_second_time_is_refused(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        with pytest.raises(WrongState):
            await steps.decide(desk, redemption_id)

    async def test_twenty_at_once_have_one_effect(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        answers = await asyncio.gather(
            *(steps.clear(desk, redemption_id) for _ in range(20)), return_exceptions=True
        )
        refused = [answer for answer in answers if answer is not None]
        assert len(refused) == 19
        assert all(isinstance(answer, WrongState) for answer in refused)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT count(*) FROM deadline WHERE kind = 'payout'") == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_through_the_approval_itself_does_the_same(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await decide(approval_id=approval_id, decision=Decision.approve, note="")
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_of_an_older_version_says_that_it_changed(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        with pytest.raises(Changed):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                await clear_redemption(
                    redemption_id=redemption_id, decision=Decision.approve, note="", version=1
                )


class TestDecline:
    async def test_returns_the_units(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        await steps.clear(desk, redemption_id, decision="reject", note="Origin unclear")
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.rejected
        assert view.timeline[-1].note == "Origin unclear"
        assert [timer.state for timer in view.deadlines] == ["met", "met"]
        assert await _units(desk) == (Decimal(50000), Decimal(0))
        await assert_invariants_hold(desk.tenant_id)

    async def test_needs_a_note(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        with pytest.raises(InputInvalid) as refusal:
            await steps.clear(desk, redemption_id, decision="reject", note=" ")
        assert refusal.value.errors[0].field == "note"


class TestWhileItWaits:
    async def test_the_client_can_take_it_back(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await cancel_redemption(redemption_id=redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.cancelled
        assert [timer.state for timer in view.deadlines] == ["met", "cancelled"]
        assert await _units(desk) == (Decimal(50000), Decimal(0))
        await assert_invariants_hold(desk.tenant_id)

    async def test_a_hold_goes_back_to_it(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")
        await assert_invariants_hold(desk.tenant_id)
        with pytest.raises(WrongState):
            await steps.clear(desk, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await resume_redemption(redemption_id=redemption_id, note="A namesake")
        await steps.clear(desk, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved

    async def test_given_up_from_a_hold_the_units_come_back(self, desk: Desk) -> None:
        redemption_id = await steps.at_compliance(desk)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            await cancel_held_redemption(redemption_id=redemption_id, note="Confirmed")
        assert await _units(desk) == (Decimal(50000), Decimal(0))
        await assert_invariants_hold(desk.tenant_id)

    async def test_compliance_finds_it_among_their_approvals_and_the_manager_does_not(
        self, desk: Desk
    ) -> None:
        redemption_id = await steps.at_compliance(desk)
        async with unit_of_work(
            tenant=desk.tenant_id, actor=desk.people["compliance"], read_only=True
        ):
            found = (await compliance_page(time_zone="UTC")).waiting
        assert [row.id for row in found.rows] == [redemption_id]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"], read_only=True):
            waiting = (await approvals_page(time_zone="UTC", parts=["waiting"])).waiting
        assert waiting is not None and waiting.rows == []

    async def test_compliance_is_reminded_and_operations_are_told_when_it_is_late(
        self, desk: Desk
    ) -> None:
        redemption_id = await steps.at_compliance(desk)
        await drain()
        await advance(hours=13)
        assert await _told(desk, "compliance") == [
            "compliance_asked",
            "compliance_reminder",
            "compliance_reminder",
            "compliance_overdue",
        ]
        assert await _told(desk, "ops") == ["compliance_overdue"]
        # Overdue is no refusal: it can still be cleared.
        await steps.clear(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert [timer.state for timer in view.deadlines] == ["met", "breached", "running"]
