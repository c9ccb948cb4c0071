"""More time for the promises of a redemption, and a pause of its payout while it is on hold."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_clock_change import NotOnHold
from app.domains.investments.operations.redemption_hold import (
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_trail import WrongState
from app.kernel.approvals.operations import ApprovalClosed, NotYourDecision, OwnRequest, decide
from app.kernel.approvals.queries import approval
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch, fetch_value
from app.kernel.deadlines import (
    ChangeKind,
    Timer,
    propose_extension,
    propose_pause,
    propose_resume,
    trail,
)
from app.kernel.errors import NotFound
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold


async def clock_of(desk: Desk, redemption_id: UUID, kind: str = "payout") -> Timer:
    timers = (await steps.seen(desk, redemption_id)).deadlines
    return next(timer for timer in reversed(timers) if timer.kind == kind)


async def extend(
    desk: Desk, clock: Timer, *, by: str = "ops", longer: timedelta = timedelta(hours=12)
) -> UUID:
    async with desk.working(by):
        return await propose_extension(
            deadline_id=clock.id, due_at=clock.due_at + longer, reason="Venue is down"
        )


async def change(desk: Desk, clock: Timer, kind: ChangeKind, *, by: str = "compliance") -> UUID:
    propose = propose_pause if kind is ChangeKind.pause else propose_resume
    async with desk.working(by):
        return await propose(deadline_id=clock.id, reason="Sanctions check")


async def vote(
    desk: Desk, approval_id: UUID, *, by: str = "compliance", decision: str = "approve"
) -> None:
    async with desk.working(by):
        await decide(approval_id=approval_id, decision=Decision(decision), note="Looked at it")


async def hold(desk: Desk, redemption_id: UUID) -> None:
    async with desk.working("compliance"):
        await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")


async def approved(desk: Desk) -> UUID:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    return redemption_id


async def held(desk: Desk) -> UUID:
    redemption_id = await approved(desk)
    await hold(desk, redemption_id)
    return redemption_id


async def told(desk: Desk, login: str) -> list[tuple[str, str]]:
    await drain()
    async with desk.working(login):
        rows = await fetch(
            "SELECT event_type, link FROM notification WHERE recipient_id = $1"
            " AND event_type NOT LIKE 'destination.%' ORDER BY id",
            desk.people[login].id,
        )
    return [(row["event_type"], row["link"]) for row in rows]


class TestExtension:
    async def test_moves_the_end_and_tells_those_who_wait(self, desk: Desk) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        approval_id = await extend(desk, clock)
        page = f"/deadlines/{clock.id}"
        assert ("redemption.clock_change_proposed", page) in await told(desk, "compliance")
        assert ("redemption.clock_change_proposed", page) not in await told(desk, "ops")
        await vote(desk, approval_id)
        after = await clock_of(desk, redemption_id)
        assert after.due_at == clock.due_at + timedelta(hours=12)
        for login in ("member", "rm", "trader", "ops"):
            assert (await told(desk, login))[-1] == (
                "redemption.payout_extended",
                f"/redemptions/{redemption_id}",
            ), login
        assert "redemption.payout_extended" not in dict(await told(desk, "member2"))
        event = (await steps.seen(desk, redemption_id)).timeline[-1]
        assert (event.title, event.actor) == ("More time to pay", "Compliance")
        assert "Venue" not in event.note, "the client sees when, not why"
        await assert_invariants_hold(desk.tenant_id)

    async def test_keeps_the_promise_that_was_made_longer(
        self, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await extend(desk, clock))
        await advance(hours=40)
        await steps.ready(desk, redemption_id)
        await drain()
        after = await clock_of(desk, redemption_id)
        assert (after.state, after.outcome) == ("met", "met")
        await assert_invariants_hold(desk.tenant_id)

    async def test_warns_and_breaches_by_the_new_end(self, desk: Desk) -> None:
        redemption_id = await approved(desk)
        await advance(hours=19)  # the first warning has gone out
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await extend(desk, clock, longer=timedelta(hours=24)))

        async def marks() -> list[str]:
            async with desk.working("ops"):
                lines = await trail(deadline_id=clock.id)
            return [str(line.fraction.normalize()) for line in lines if line.fraction]

        await advance(hours=17.5)  # past the old end, and both old warnings
        assert await marks() == ["0.5"]
        await advance(hours=12)  # 48.5 of 60
        assert await marks() == ["0.5", "0.8"]
        await advance(hours=12)
        assert await marks() == ["0.5", "0.8", "1"]
        assert (await clock_of(desk, redemption_id)).state == "breached"
        await assert_invariants_hold(desk.tenant_id)

    async def test_is_refused_and_told_to_who_asked(self, desk: Desk) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await extend(desk, clock), decision="reject")
        assert (await clock_of(desk, redemption_id)).due_at == clock.due_at
        rejected = "redemption.clock_change_rejected"
        assert (await told(desk, "ops"))[-1] == (rejected, f"/deadlines/{clock.id}")
        for login in ("member", "rm", "trader", "compliance"):
            assert rejected not in dict(await told(desk, login)), login
        assert (await steps.seen(desk, redemption_id)).timeline[-1].event == "approved"
        await assert_invariants_hold(desk.tenant_id)

    @pytest.mark.parametrize("kind", ["approval", "compliance", "client"])
    async def test_of_each_other_clock_is_a_step_of_its_own(self, desk: Desk, kind: str) -> None:
        if kind == "compliance":
            redemption_id = await steps.at_compliance(desk)
        else:
            redemption_id = await steps.request(desk)
        if kind == "client":
            async with desk.working("ops"):
                await fetch(
                    "UPDATE redemption SET gross = gross - 900, net = net - 900 WHERE id = $1"
                    " RETURNING id",
                    redemption_id,
                )
            await steps.decide(desk, redemption_id)
        clock = await clock_of(desk, redemption_id, kind)
        await vote(desk, await extend(desk, clock))
        after = await clock_of(desk, redemption_id, kind)
        assert after.due_at == clock.due_at + timedelta(hours=12)
        assert (await steps.seen(desk, redemption_id)).timeline[-1].event == f"{kind}_extended"
        await drain()
        await assert_invariants_hold(desk.tenant_id)

    async def test_of_what_one_does_not_see_is_not_there(self, desk: Desk, stranger: Desk) -> None:
        redemption_id = await steps.request(desk)
        clock = await clock_of(desk, redemption_id, "approval")
        for who, login in [(desk, "rm2"), (desk, "trader"), (desk, "member2"), (stranger, "ops")]:
            with pytest.raises(NotFound):
                await extend(who, clock, by=login)
        approval_id = await extend(desk, clock)
        for who, login in [(desk, "rm2"), (desk, "trader"), (stranger, "compliance")]:
            with pytest.raises(NotFound):
                await vote(who, approval_id, by=login)

    async def test_is_decided_by_operations_or_compliance_and_not_by_who_asked(
        self, desk: Desk
    ) -> None:
        redemption_id = await approved(desk)
        approval_id = await extend(desk, await clock_of(desk, redemption_id))
        with pytest.raises(OwnRequest):
            await vote(desk, approval_id, by="ops")
        for login in ("rm", "trader", "member"):
            with pytest.raises(NotYourDecision):
                await vote(desk, approval_id, by=login)

    async def test_is_cancelled_by_the_decision_it_waited_beside(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        approval_id = await extend(desk, await clock_of(desk, redemption_id, "approval"))
        await steps.decide(desk, redemption_id)
        with pytest.raises(ApprovalClosed):
            await vote(desk, approval_id)
        await assert_invariants_hold(desk.tenant_id)

    async def test_and_the_step_that_stops_the_clock_at_once(self, desk: Desk) -> None:
        async def cancel(redemption_id: UUID) -> None:
            async with desk.working("member"):
                await cancel_redemption(redemption_id=redemption_id)

        for _ in range(5):
            redemption_id = await steps.request(desk)
            approval_id = await extend(desk, await clock_of(desk, redemption_id, "approval"))
            voted, cancelled = await asyncio.gather(
                vote(desk, approval_id), cancel(redemption_id), return_exceptions=True
            )
            assert cancelled is None
            assert voted is None or isinstance(voted, ApprovalClosed), voted
            async with desk.working("ops"):
                state = (await approval(approval_id=approval_id)).state
            assert state == ("approved" if voted is None else "cancelled")
        await drain()
        await assert_invariants_hold(desk.tenant_id)


class TestPause:
    async def test_stands_still_while_on_hold_and_runs_on_when_agreed(self, desk: Desk) -> None:
        redemption_id = await held(desk)
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await change(desk, clock, ChangeKind.pause), by="ops")
        await advance(hours=100)
        paused = await clock_of(desk, redemption_id)
        assert paused.state == "paused"
        assert 35 * 3600 < paused.remaining_seconds <= 36 * 3600
        event = (await steps.seen(desk, redemption_id)).timeline[-1]
        assert (event.event, event.note[:25]) == ("payout_paused", "It stands still with 35 h")
        await vote(desk, await change(desk, clock, ChangeKind.resume), by="ops")
        after = await clock_of(desk, redemption_id)
        assert after.state == "running"
        assert after.due_at - clock.due_at >= timedelta(hours=100)
        await drain()
        await assert_invariants_hold(desk.tenant_id)

    async def test_is_only_of_the_payout_of_what_is_on_hold(self, desk: Desk) -> None:
        redemption_id = await approved(desk)
        with pytest.raises(NotOnHold):
            await change(desk, await clock_of(desk, redemption_id), ChangeKind.pause)
        waiting = await steps.request(desk, key="growth")
        await hold(desk, waiting)
        with pytest.raises(NotOnHold):
            await change(desk, await clock_of(desk, waiting, "approval"), ChangeKind.pause)
        async with desk.working("ops"):
            assert await fetch_value("SELECT count(*) FROM deadline_change") == 0

    async def test_ends_with_the_hold(self, desk: Desk) -> None:
        redemption_id = await held(desk)
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await change(desk, clock, ChangeKind.pause), by="ops")
        await advance(hours=50)
        asked = await change(desk, clock, ChangeKind.resume)
        async with desk.working("compliance"):
            await resume_redemption(redemption_id=redemption_id, note="Cleared")
        after = await clock_of(desk, redemption_id)
        assert after.state == "running"
        assert timedelta(hours=50) <= after.due_at - clock.due_at < timedelta(hours=51)
        events = [event.event for event in (await steps.seen(desk, redemption_id)).timeline]
        assert events[-2:] == ["resumed", "payout_resumed"]
        with pytest.raises(ApprovalClosed):
            await vote(desk, asked, by="ops")
        assert "redemption.payout_resumed" in dict(await told(desk, "member"))
        await assert_invariants_hold(desk.tenant_id)

    async def test_that_waits_is_given_up_with_the_hold(self, desk: Desk) -> None:
        redemption_id = await held(desk)
        clock = await clock_of(desk, redemption_id)
        asked = await change(desk, clock, ChangeKind.pause)
        async with desk.working("compliance"):
            await resume_redemption(redemption_id=redemption_id, note="Cleared")
        with pytest.raises(ApprovalClosed):
            await vote(desk, asked, by="ops")
        assert (await clock_of(desk, redemption_id)).due_at == clock.due_at
        await assert_invariants_hold(desk.tenant_id)

    async def test_stops_with_what_is_cancelled_from_the_hold(self, desk: Desk) -> None:
        redemption_id = await held(desk)
        clock = await clock_of(desk, redemption_id)
        await vote(desk, await change(desk, clock, ChangeKind.pause), by="ops")
        await advance(hours=80)
        async with desk.working("compliance"):
            await cancel_held_redemption(redemption_id=redemption_id, note="Hit confirmed")
        assert (await clock_of(desk, redemption_id)).state == "cancelled"
        await drain()
        await assert_invariants_hold(desk.tenant_id)

    async def test_does_not_let_a_held_redemption_be_decided(self, desk: Desk) -> None:
        """The clock's own approval is decided while on hold; the redemption's is not."""
        redemption_id = await steps.request(desk)
        clock = await clock_of(desk, redemption_id, "approval")
        approval_id = await extend(desk, clock)
        await hold(desk, redemption_id)
        await vote(desk, approval_id)
        view = await steps.seen(desk, redemption_id)
        with pytest.raises(WrongState):
            await vote(desk, view.approval_id, by="rm")


async def test_a_client_that_did_not_answer_leaves_no_clock_running(desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    async with desk.working("ops"):
        await fetch(
            "UPDATE redemption SET gross = gross - 900, net = net - 900 WHERE id = $1 RETURNING id",
            redemption_id,
        )
    await steps.decide(desk, redemption_id)
    await advance(hours=25)
    clock = await clock_of(desk, redemption_id, "client")
    assert (clock.state, clock.outcome) == ("breached", "cancelled")
    assert isinstance(clock.stopped_at, datetime)
    await assert_invariants_hold(desk.tenant_id)
