"""Holding a redemption, letting it go on, giving it up; destinations revoked under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.operations.destination_revoke import revoke_destination
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.redemption_hold import (
    DestinationRevoked,
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.queries.subscriptions import own_subscription
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch_row, pool, unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold
from tests.support.waiting import eventually


async def _do(desk: Desk, operation: Callable[..., Awaitable[Any]], redemption_id: UUID) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
        await operation(redemption_id=redemption_id, note="Sanctions hit")


async def _at(desk: Desk, state: str, key: str = "yield") -> UUID:
    redemption_id = await steps.request(desk, key=key)
    if state in ("approved", "ready"):
        await steps.decide(desk, redemption_id)
    if state == "ready":
        await steps.ready(desk, redemption_id, key=key)
    return redemption_id


class TestHold:
    @pytest.mark.parametrize("state", ["pending_approval", "approved", "ready"])
    async def test_goes_on_from_where_it_was(self, desk: Desk, state: str) -> None:
        redemption_id = await _at(desk, state)
        await _do(desk, hold_redemption, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold
        await assert_invariants_hold(desk.tenant_id)
        await _do(desk, resume_redemption, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state.value == state
        await assert_invariants_hold(desk.tenant_id)

    async def test_stops_a_decision_by_every_way(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "pending_approval")
        await _do(desk, hold_redemption, redemption_id)
        with pytest.raises(WrongState):
            await steps.decide(desk, redemption_id)
        approval_id = (await steps.seen(desk, redemption_id)).approval_id
        with pytest.raises(WrongState):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]):
                await decide(approval_id=approval_id, decision=Decision.approve, note="")

    async def test_stops_the_payout_that_was_ordered(self, desk: Desk, sandbox: Control) -> None:
        redemption_id = await _at(desk, "ready")
        await _do(desk, hold_redemption, redemption_id)
        await drain(hurry=2)
        assert sandbox.withdrawals() == []
        await _do(desk, resume_redemption, redemption_id)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        assert len(sandbox.withdrawals()) == 1
        await assert_invariants_hold(desk.tenant_id)

    async def test_is_too_late_once_it_is_paid(self, desk: Desk, sandbox: Control) -> None:
        redemption_id = await _at(desk, "ready")
        await drain(hurry=2)
        with pytest.raises(WrongState):
            await _do(desk, hold_redemption, redemption_id)

    async def test_does_not_stop_the_clock(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "approved")
        await _do(desk, hold_redemption, redemption_id)
        await advance(hours=36)
        assert (await steps.seen(desk, redemption_id)).deadlines[-1].state == "breached"

    async def test_needs_a_reason(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "approved")
        with pytest.raises(InputInvalid):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
                await hold_redemption(redemption_id=redemption_id, note=" ")

    async def test_against_ready_at_once_one_comes_first(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "approved")
        await asyncio.gather(
            _do(desk, hold_redemption, redemption_id),
            steps.ready(desk, redemption_id),
            return_exceptions=True,
        )
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold
        await assert_invariants_hold(desk.tenant_id)


class TestCancelFromHold:
    @pytest.mark.parametrize("key", ["yield", "growth"])
    @pytest.mark.parametrize("state", ["pending_approval", "approved", "ready"])
    async def test_puts_everything_back(
        self, desk: Desk, sandbox: Control, state: str, key: str
    ) -> None:
        before = await _figures(desk, key)
        redemption_id = await _at(desk, state, key)
        await _do(desk, hold_redemption, redemption_id)
        await advance(days=3)
        await _do(desk, cancel_held_redemption, redemption_id)
        await drain(hurry=2)
        view = await steps.seen(desk, redemption_id)
        assert view.state is RedemptionState.cancelled
        assert {timer.state for timer in view.deadlines} <= {"met", "cancelled", "breached"}
        assert sandbox.withdrawals() == []
        assert await _figures(desk, key) == before
        await assert_invariants_hold(desk.tenant_id)
        # And the same units can be redeemed anew, with the yield of all the days.
        again = await steps.request(desk, key=key)
        await steps.decide(desk, again)
        await steps.ready(desk, again, key=key)
        await drain(hurry=2)
        assert (await steps.seen(desk, again)).state is RedemptionState.completed
        await assert_invariants_hold(desk.tenant_id)


async def _figures(desk: Desk, key: str) -> tuple[Decimal, Decimal, Decimal]:
    """Free units, locked units, principal."""
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
        held = await own_subscription(subscription_id=desk.subscriptions["member", key])
        row = await fetch_row(
            "SELECT principal FROM subscription WHERE id = $1", desk.subscriptions["member", key]
        )
    assert row is not None
    return held.units, held.units_locked, row["principal"]


async def _waits_for_a_row() -> bool:
    waiting: bool = await pool().fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock')"
    )
    return waiting


class TestRevokedDestination:
    async def test_holds_what_is_on_its_way_there(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "approved")
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            held = await revoke_destination(destination_id=desk.destinations["member", "yield"])
        assert held == 1
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold
        with pytest.raises(DestinationRevoked):
            await _do(desk, resume_redemption, redemption_id)

    async def test_holds_a_payout_that_was_refused(self, desk: Desk, sandbox: Control) -> None:
        before = await _figures(desk, "yield")
        redemption_id = await _at(desk, "ready")
        sandbox.next("refuse")
        await drain()
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.payout_failed
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await revoke_destination(destination_id=desk.destinations["member", "yield"])
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold
        with pytest.raises(WrongState):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["trader"]):
                await retry_payout(redemption_id=redemption_id)
        with pytest.raises(DestinationRevoked):
            await _do(desk, resume_redemption, redemption_id)
        await assert_invariants_hold(desk.tenant_id)
        await _do(desk, cancel_held_redemption, redemption_id)
        await drain(hurry=2)
        assert await _figures(desk, "yield") == before
        await assert_invariants_hold(desk.tenant_id)

    async def test_goes_on_after_a_hold_as_refused_as_before(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await _at(desk, "ready")
        sandbox.next("refuse")
        await drain()
        await _do(desk, hold_redemption, redemption_id)
        await _do(desk, resume_redemption, redemption_id)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.payout_failed
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["trader"]):
            await retry_payout(redemption_id=redemption_id)
        await drain(hurry=2)
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.completed
        await assert_invariants_hold(desk.tenant_id)

    async def test_holds_a_request_that_was_being_made(self, desk: Desk) -> None:
        async def revoke() -> int:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
                return await revoke_destination(destination_id=desk.destinations["member", "yield"])

        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            redemption_id = await request_redemption(
                subscription_id=desk.subscriptions["member", "yield"],
                portion=Portion(units="10"),
                destination_id=desk.destinations["member", "yield"],
            )
            # In a unit of work of its own, as another request would be.
            revoking = asyncio.create_task(revoke(), context=Context())
            await eventually(_waits_for_a_row, True, within_seconds=10)
        assert await revoking == 1
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold

    async def test_keeps_what_is_on_hold_from_being_resumed_meanwhile(self, desk: Desk) -> None:
        redemption_id = await _at(desk, "approved")
        await _do(desk, hold_redemption, redemption_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await revoke_destination(destination_id=desk.destinations["member", "yield"])
            resuming = asyncio.create_task(
                _do(desk, resume_redemption, redemption_id), context=Context()
            )
            await eventually(_waits_for_a_row, True, within_seconds=10)
        with pytest.raises(DestinationRevoked):
            await resuming
        assert (await steps.seen(desk, redemption_id)).state is RedemptionState.on_hold

    async def test_of_another_client_is_not_there(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member2"]):
                await revoke_destination(destination_id=desk.destinations["member", "yield"])
