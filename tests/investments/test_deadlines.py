"""The 24 hours to approve and the 36 hours to pay: reminders, breach, and what stays on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domains.investments.queries.row_scope import visible_deadline
from app.kernel.database import fetch, unit_of_work
from app.kernel.deadlines import start_deadline
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold


async def _told(desk: Desk, login: str) -> list[str]:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
        rows = await fetch(
            "SELECT event_type FROM notification WHERE recipient_id = $1"
            " AND event_type LIKE 'redemption.%' ORDER BY id",
            desk.people[login].id,
        )
    return [row["event_type"].removeprefix("redemption.") for row in rows]


class TestPayoutDeadline:
    async def test_warns_the_trader_and_breaches_at_36_hours(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await drain()
        await advance(hours=18)
        assert await _told(desk, "trader") == ["approved", "payout_warning"]
        await advance(hours=10.8)
        assert await _told(desk, "trader") == ["approved", "payout_warning", "payout_warning"]
        before = await steps.seen(desk, redemption_id)
        assert before.deadlines[-1].state == "running"
        await advance(hours=7.2)
        view = await steps.seen(desk, redemption_id)
        assert view.deadlines[-1].state == "breached"
        assert view.timeline[-1].event == "payout_breached"
        for login in ("member", "rm", "trader", "ops"):
            assert (await _told(desk, login))[-1] == "payout_breached"
        await assert_invariants_hold(desk.tenant_id)

    async def test_breach_stays_on_record_when_paid_late(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await advance(hours=37)
        await steps.ready(desk, redemption_id)
        await drain()
        view = await steps.seen(desk, redemption_id)
        assert view.state.value == "completed"
        assert view.deadlines[-1].state == "breached"
        late = view.deadlines[-1].remaining_seconds
        assert -3700 < late <= -3600
        await advance(hours=5)
        # The clock stopped when it was paid.
        assert (await steps.seen(desk, redemption_id)).deadlines[-1].remaining_seconds == late
        await assert_invariants_hold(desk.tenant_id)

    async def test_paid_in_time_fires_no_mark_afterwards(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await steps.decide(desk, redemption_id)
        await steps.ready(desk, redemption_id)
        await drain()
        await advance(hours=48)
        view = await steps.seen(desk, redemption_id)
        assert [timer.state for timer in view.deadlines] == ["met", "met"]
        assert "payout_breached" not in [event.event for event in view.timeline]


class TestApprovalDeadline:
    async def test_reminds_the_manager_and_escalates_to_operations(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        await drain()
        await advance(hours=25)
        reminded = ["approval_reminder", "approval_reminder", "approval_overdue"]
        assert await _told(desk, "rm") == ["requested", *reminded]
        assert await _told(desk, "ops") == ["approval_overdue"]
        # Overdue is no refusal: it can still be approved.
        await steps.decide(desk, redemption_id)
        view = await steps.seen(desk, redemption_id)
        assert [timer.state for timer in view.deadlines] == ["breached", "running"]


async def test_a_clock_on_no_redemption_is_for_those_who_see_everything(desk: Desk) -> None:
    async with desk.working("ops"):
        deadline_id = await start_deadline(
            kind="test", subject_kind="thing", subject_id=new_id(), due_in=timedelta(hours=1)
        )
    for login in ("ops", "compliance"):
        async with desk.working(login):
            assert (await visible_deadline(deadline_id=deadline_id)).timer.id == deadline_id
    for login in ("rm", "trader"):
        async with desk.working(login):
            with pytest.raises(NotFound):
                await visible_deadline(deadline_id=deadline_id)
