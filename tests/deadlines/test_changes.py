"""More time, or a pause: one person proposes it, another decides, and the marks follow."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.kernel.actors import SYSTEM, Actor
from app.kernel.approvals.operations import (
    ApprovalClosed,
    NotYourDecision,
    OwnRequest,
    decide,
)
from app.kernel.approvals.queries import approval
from app.kernel.approvals.values import Decision
from app.kernel.database import execute, fetch, fetch_value, unit_of_work
from app.kernel.deadlines import (
    ChangeKind,
    ChangePending,
    DeadlineMoved,
    DeadlineNotRunning,
    changes_of,
    end_pause,
    propose_extension,
    propose_pause,
    propose_resume,
    trail,
)
from app.kernel.deadlines import operations as clocks
from app.kernel.errors import Conflict, DomainError, InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.invariants import verify_tenant
from tests.deadlines.test_deadlines import (
    events_of,
    fire,
    fired,
    pass_time,
    start,
    stop,
    timer_of,
)
from tests.support import work
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.invariants import assert_invariants_hold


def person(name: str = "Ada Lovelace") -> Actor:
    return msgspec.structs.replace(a_person(name), permissions=frozenset({"deadline:decide"}))


ADA, BOB = person("Ada"), person("Bob")


async def due_of(tenant: TestTenant, subject: UUID) -> datetime:
    return (await timer_of(tenant, subject)).due_at


async def ask_for(
    tenant: TestTenant, deadline_id: UUID, *, hours: float, by: Actor = ADA, reason: str = "Slow"
) -> UUID:
    async with unit_of_work(tenant=tenant.id, actor=by):
        due_at = await fetch_value("SELECT due_at FROM deadline WHERE id = $1", deadline_id)
        return await propose_extension(
            deadline_id=deadline_id, due_at=due_at + timedelta(hours=hours), reason=reason
        )


async def ask_to(tenant: TestTenant, deadline_id: UUID, kind: ChangeKind, by: Actor = ADA) -> UUID:
    propose = propose_pause if kind is ChangeKind.pause else propose_resume
    async with unit_of_work(tenant=tenant.id, actor=by):
        return await propose(deadline_id=deadline_id, reason="Sanctions check")


async def vote(
    tenant: TestTenant, approval_id: UUID, decision: str = "approve", *, by: Actor = BOB
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=by):
        await decide(approval_id=approval_id, decision=Decision(decision), note="Looked at it")


async def state_of(tenant: TestTenant, approval_id: UUID) -> str:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return (await approval(approval_id=approval_id)).state.value


async def refused(tenant: TestTenant, call: object, *, by: Actor = ADA) -> DomainError:
    """What the call is refused with, everything undone."""
    with pytest.raises(DomainError) as refusal:
        async with unit_of_work(tenant=tenant.id, actor=by):
            await call  # type: ignore[misc]
    return refusal.value


async def count_of(tenant: TestTenant, table: str) -> int:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return int(await fetch_value(f"SELECT count(*) FROM {table}"))


class TestExtension:
    async def test_moves_what_has_not_fired_and_fires_nothing_again(
        self, tenant: TestTenant
    ) -> None:
        deadline_id, subject = await start(tenant, hours=10)
        due = await due_of(tenant, subject)
        await pass_time(hours=6)
        await fire()
        approval_id = await ask_for(tenant, deadline_id, hours=10)
        assert await due_of(tenant, subject) == due, "nothing has changed yet"
        await vote(tenant, approval_id)
        timer = await timer_of(tenant, subject)
        assert (timer.total_seconds, timer.due_at) == (20 * 3600, due + timedelta(hours=10))
        await pass_time(hours=9)  # 15 of 20: the mark at 0.8 would have stood at 8 before
        await fire()
        assert fired(deadline_id) == ["0.5"]
        await pass_time(hours=1)
        await fire()
        assert fired(deadline_id) == ["0.5", "0.8"]
        await pass_time(hours=4)
        await fire()
        assert fired(deadline_id) == ["0.5", "0.8", "1"]
        await assert_invariants_hold(tenant.id)

    async def test_leaves_who_asked_and_who_approved_on_the_trail(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        approval_id = await ask_for(tenant, deadline_id, hours=12, reason="  The bank is closed ")
        await vote(tenant, approval_id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            line = (await trail(deadline_id=deadline_id))[-1]
            (change,) = await changes_of(deadline_id=deadline_id)
            actions = await fetch(
                "SELECT action FROM audit_record WHERE subject_id = $1 ORDER BY id", deadline_id
            )
        assert (line.event, line.asked_by, line.actor_name) == ("extended", "Ada", "Bob")
        assert (line.reason, line.approval_id) == ("The bank is closed", approval_id)
        assert (change.state, change.decided_by, change.note) == ("approved", "Bob", "Looked at it")
        assert change.due_at == line.due_at == await due_of(tenant, subject)
        assert [row["action"] for row in actions] == [
            "deadline.change_proposed",
            "deadline.extended",
        ]
        assert [(given.state, given.kind) for name, given in work.calls if name == "change"] == [
            ("pending", "extension"),
            ("approved", "extension"),
        ]

    async def test_changes_nothing_when_it_is_rejected_and_can_be_asked_again(
        self, tenant: TestTenant
    ) -> None:
        deadline_id, subject = await start(tenant)
        before = await timer_of(tenant, subject)
        await vote(tenant, await ask_for(tenant, deadline_id, hours=5), "reject")
        after = await timer_of(tenant, subject)
        assert (after.due_at, after.total_seconds) == (before.due_at, before.total_seconds)
        assert await events_of(tenant, deadline_id) == ["started"]
        await vote(tenant, await ask_for(tenant, deadline_id, hours=6))
        assert await due_of(tenant, subject) == before.due_at + timedelta(hours=6)
        await assert_invariants_hold(tenant.id)

    async def test_is_counted_in_whole_seconds(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        async with unit_of_work(tenant=tenant.id, actor=ADA):
            approval_id = await propose_extension(
                deadline_id=deadline_id,
                due_at=due + timedelta(seconds=90, microseconds=999_999),
                reason="A little",
            )
        await vote(tenant, approval_id)
        assert await due_of(tenant, subject) == due + timedelta(seconds=90)
        await assert_invariants_hold(tenant.id)

    @pytest.mark.parametrize(
        ("later", "code"),
        [
            (timedelta(0), "NOT_LATER"),
            (timedelta(microseconds=900_000), "NOT_LATER"),
            (timedelta(days=-3), "NOT_LATER"),
            (timedelta(days=30, seconds=1), "TOO_LATE"),
            (timedelta(days=9000), "TOO_LATE"),
        ],
    )
    async def test_is_later_and_at_most_thirty_days(
        self, tenant: TestTenant, later: timedelta, code: str
    ) -> None:
        deadline_id, subject = await start(tenant)
        due_at = await due_of(tenant, subject) + later
        refusal = await refused(
            tenant, propose_extension(deadline_id=deadline_id, due_at=due_at, reason="Slow")
        )
        assert [(error.field, error.code) for error in refusal.errors] == [("due_at", code)]
        assert await count_of(tenant, "approval") == 0

    async def test_of_thirty_days_is_the_most(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        await vote(tenant, await ask_for(tenant, deadline_id, hours=30 * 24))
        assert await due_of(tenant, subject) == due + timedelta(days=30)

    @pytest.mark.parametrize(("reason", "code"), [(" \n ", "REQUIRED"), ("x" * 2001, "TOO_LONG")])
    async def test_says_why(self, tenant: TestTenant, reason: str, code: str) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        for call in (
            propose_extension(
                deadline_id=deadline_id, due_at=due + timedelta(hours=1), reason=reason
            ),
            propose_pause(deadline_id=deadline_id, reason=reason),
            propose_resume(deadline_id=deadline_id, reason=reason),
        ):
            refusal = await refused(tenant, call)
            assert isinstance(refusal, InputInvalid)
            assert [(error.field, error.code) for error in refusal.errors] == [("reason", code)]
        assert await count_of(tenant, "approval") == 0

    async def test_is_proposed_once_at_a_time(self, tenant: TestTenant) -> None:
        deadline_id, _ = await start(tenant)
        await ask_for(tenant, deadline_id, hours=1)
        with pytest.raises(ChangePending):
            await ask_for(tenant, deadline_id, hours=2, by=BOB)
        with pytest.raises(ChangePending):
            await ask_to(tenant, deadline_id, ChangeKind.pause, by=BOB)
        assert await count_of(tenant, "approval") == 1
        assert await count_of(tenant, "deadline_change") == 1

    @pytest.mark.parametrize("outcome", ["met", "cancelled", "breached"])
    async def test_needs_a_clock_that_runs(self, tenant: TestTenant, outcome: str) -> None:
        deadline_id, subject = await start(tenant)
        if outcome == "breached":
            await pass_time(hours=36)  # no worker has looked yet
        else:
            await stop(tenant, subject, outcome)
        with pytest.raises(DeadlineNotRunning):
            await ask_for(tenant, deadline_id, hours=1)
        with pytest.raises(DeadlineNotRunning):
            await ask_to(tenant, deadline_id, ChangeKind.pause)
        with pytest.raises(DeadlineNotRunning):
            await ask_to(tenant, deadline_id, ChangeKind.resume)
        assert await count_of(tenant, "approval") == 0

    async def test_of_what_is_not_there_or_anothers(self, tenant: TestTenant, new_tenant) -> None:
        deadline_id, subject = await start(tenant)
        later = await due_of(tenant, subject) + timedelta(hours=1)
        other = await new_tenant()
        for where, clock in ((tenant, new_id()), (other, deadline_id)):
            refusal = await refused(
                where, propose_extension(deadline_id=clock, due_at=later, reason="Slow")
            )
            assert isinstance(refusal, NotFound)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        with pytest.raises(NotFound):
            await vote(other, approval_id)
        assert await state_of(tenant, approval_id) == "pending"


class TestDecision:
    async def test_is_another_persons_and_one_who_may(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        with pytest.raises(OwnRequest):
            await vote(tenant, approval_id, by=ADA)
        with pytest.raises(NotYourDecision):
            await vote(tenant, approval_id, by=a_person("Mallory"))
        with pytest.raises(NotYourDecision):
            await vote(tenant, approval_id, by=SYSTEM)
        assert await due_of(tenant, subject) == due
        assert await state_of(tenant, approval_id) == "pending"

    async def test_is_made_once(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        await vote(tenant, approval_id)
        for decision in ("approve", "reject"):
            with pytest.raises(ApprovalClosed):
                await vote(tenant, approval_id, decision, by=person("Carol"))
        assert await due_of(tenant, subject) == due + timedelta(hours=1)

    async def test_twenty_at_once_have_one_effect(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        votes = [vote(tenant, approval_id, by=person(f"Person {n}")) for n in range(19)]
        votes.append(vote(tenant, approval_id, "reject", by=person("Rejecting")))
        answers = await asyncio.gather(*votes, return_exceptions=True)
        refusals = [answer for answer in answers if answer is not None]
        assert len(refusals) == 19
        assert all(isinstance(refusal, ApprovalClosed) for refusal in refusals), refusals
        approved = await state_of(tenant, approval_id) == "approved"
        assert await due_of(tenant, subject) == due + timedelta(hours=1 if approved else 0)
        assert (await events_of(tenant, deadline_id)).count("extended") == int(approved)
        await assert_invariants_hold(tenant.id)

    async def test_twenty_proposals_at_once_leave_one(self, tenant: TestTenant) -> None:
        deadline_id, _ = await start(tenant)
        answers = await asyncio.gather(
            *(ask_for(tenant, deadline_id, hours=n + 1) for n in range(20)),
            return_exceptions=True,
        )
        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(refusals) == 19
        assert all(isinstance(refusal, ChangePending) for refusal in refusals), refusals
        assert await count_of(tenant, "approval") == 1
        await assert_invariants_hold(tenant.id)

    async def test_and_the_stop_of_the_clock_at_once(self, tenant: TestTenant) -> None:
        for _ in range(8):
            deadline_id, subject = await start(tenant)
            approval_id = await ask_for(tenant, deadline_id, hours=1)
            voted, stopped = await asyncio.gather(
                vote(tenant, approval_id), stop(tenant, subject), return_exceptions=True
            )
            assert stopped is None
            assert voted is None or isinstance(voted, ApprovalClosed), voted
            expected = "approved" if voted is None else "cancelled"
            assert await state_of(tenant, approval_id) == expected
            assert (await timer_of(tenant, subject)).state == "met"
        await assert_invariants_hold(tenant.id)

    async def test_and_the_mark_that_breaches_at_once(self, tenant: TestTenant) -> None:
        for _ in range(5):
            deadline_id, subject = await start(tenant, hours=1)
            approval_id = await ask_for(tenant, deadline_id, hours=1)
            await pass_time(hours=1)
            voted, _ = await asyncio.gather(
                vote(tenant, approval_id), fire(), return_exceptions=True
            )
            await fire()
            assert isinstance(voted, (DeadlineNotRunning, ApprovalClosed)), voted
            assert (await timer_of(tenant, subject)).state == "breached"
            assert await state_of(tenant, approval_id) == "cancelled"
            assert fired(deadline_id).count("1") >= 1
            assert (await events_of(tenant, deadline_id)).count("mark:1") == 1
        await assert_invariants_hold(tenant.id)

    async def test_is_refused_once_the_clock_has_moved(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        due = await due_of(tenant, subject)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            # Something else that has an approval of its own gave it time meanwhile.
            await clocks.extend_deadline(
                deadline_id=deadline_id,
                due_at=due + timedelta(hours=2),
                approval_id=new_id(),
                reason="Agreed elsewhere",
            )
        with pytest.raises(DeadlineMoved):
            await vote(tenant, approval_id)
        assert await due_of(tenant, subject) == due + timedelta(hours=2)
        assert await state_of(tenant, approval_id) == "pending"
        await vote(tenant, approval_id, "reject")
        assert await state_of(tenant, approval_id) == "rejected"

    async def test_goes_on_over_a_mark_that_fired_meanwhile(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        await pass_time(hours=18)
        await fire()
        await vote(tenant, approval_id)
        assert await due_of(tenant, subject) == due + timedelta(hours=1)
        assert fired(deadline_id) == ["0.5"]
        await assert_invariants_hold(tenant.id)

    @pytest.mark.parametrize("outcome", ["met", "cancelled"])
    async def test_is_no_longer_asked_for_once_the_clock_stops(
        self, tenant: TestTenant, outcome: str
    ) -> None:
        deadline_id, subject = await start(tenant)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        await stop(tenant, subject, outcome)
        assert await state_of(tenant, approval_id) == "cancelled"
        with pytest.raises(ApprovalClosed):
            await vote(tenant, approval_id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            (change,) = await changes_of(deadline_id=deadline_id)
        assert (change.state, change.decided_by) == ("cancelled", "")
        await assert_invariants_hold(tenant.id)

    async def test_comes_too_late_when_the_clock_has_run_out(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        approval_id = await ask_for(tenant, deadline_id, hours=1)
        await pass_time(hours=36)
        with pytest.raises(DeadlineNotRunning):
            await vote(tenant, approval_id)  # before any worker has looked
        await fire()
        assert await state_of(tenant, approval_id) == "cancelled"
        assert (await timer_of(tenant, subject)).state == "breached"
        with pytest.raises(ApprovalClosed):
            await vote(tenant, approval_id)
        await assert_invariants_hold(tenant.id)


class TestPause:
    async def test_stands_still_and_moves_every_mark(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        await pass_time(hours=10)
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.pause))
        await pass_time(hours=100)
        await fire()
        assert fired(deadline_id) == []
        timer = await timer_of(tenant, subject)
        assert timer.state == "paused"
        assert 25 * 3600 < timer.remaining_seconds <= 26 * 3600
        approval_id = await ask_to(tenant, deadline_id, ChangeKind.resume)
        await pass_time(hours=20)
        await vote(tenant, approval_id)
        await pass_time(hours=7, minutes=58)
        await fire()
        assert fired(deadline_id) == []
        await pass_time(minutes=5)
        await fire()
        assert fired(deadline_id) == ["0.5"]
        assert await events_of(tenant, deadline_id) == ["started", "paused", "resumed", "mark:0.5"]
        await assert_invariants_hold(tenant.id)

    async def test_and_more_time_after_it_add_up(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant, hours=10)
        due = await due_of(tenant, subject)
        await pass_time(hours=6)
        await fire()
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.pause))
        await pass_time(hours=50)
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.resume))
        await vote(tenant, await ask_for(tenant, deadline_id, hours=10))
        timer = await timer_of(tenant, subject)
        assert timer.total_seconds == 20 * 3600
        assert abs(timer.due_at - (due + timedelta(hours=60))) < timedelta(minutes=1)
        await pass_time(hours=9, minutes=58)
        await fire()
        assert fired(deadline_id) == ["0.5"]
        await pass_time(minutes=5)
        await fire()
        assert fired(deadline_id) == ["0.5", "0.8"]
        await assert_invariants_hold(tenant.id)

    async def test_is_not_paused_again_nor_resumed_while_it_runs(self, tenant: TestTenant) -> None:
        deadline_id, _ = await start(tenant)
        with pytest.raises(DeadlineNotRunning):
            await ask_to(tenant, deadline_id, ChangeKind.resume)
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.pause))
        with pytest.raises(DeadlineNotRunning):
            await ask_to(tenant, deadline_id, ChangeKind.pause)
        with pytest.raises(DeadlineNotRunning):
            await ask_for(tenant, deadline_id, hours=1)

    async def test_asks_the_subject_when_proposed_and_when_decided(
        self, tenant: TestTenant
    ) -> None:
        class NotNow(Conflict):
            """The subject's own rule."""

        deadline_id, subject = await start(tenant)
        work.refusals[ChangeKind.pause] = NotNow()
        with pytest.raises(NotNow):
            await ask_to(tenant, deadline_id, ChangeKind.pause)
        work.refusals.clear()
        approval_id = await ask_to(tenant, deadline_id, ChangeKind.pause)
        work.refusals[ChangeKind.pause] = NotNow()
        with pytest.raises(NotNow):
            await vote(tenant, approval_id)
        assert (await timer_of(tenant, subject)).state == "running"
        assert await state_of(tenant, approval_id) == "pending"

    async def test_is_run_on_by_what_stops_it(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        await pass_time(hours=10)
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.pause))
        await pass_time(hours=100)
        await stop(tenant, subject)
        timer = await timer_of(tenant, subject)
        assert timer.state == "met", "it stood still, so it is in time"
        assert 25 * 3600 < timer.remaining_seconds <= 26 * 3600
        assert await events_of(tenant, deadline_id) == ["started", "paused", "resumed", "stopped"]
        await assert_invariants_hold(tenant.id)


class TestEndPause:
    async def end(self, tenant: TestTenant, subject: UUID) -> datetime | None:
        async with unit_of_work(tenant=tenant.id, actor=BOB):
            return await end_pause(
                subject_kind="thing", subject_id=subject, kind="test", reason="It is over"
            )

    async def test_runs_on_without_an_approval(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        due = await due_of(tenant, subject)
        await vote(tenant, await ask_to(tenant, deadline_id, ChangeKind.pause))
        await pass_time(hours=5)
        asked = await ask_to(tenant, deadline_id, ChangeKind.resume)
        ended = await self.end(tenant, subject)
        assert ended == await due_of(tenant, subject)
        assert timedelta(hours=5) <= ended - due < timedelta(hours=5, minutes=1)
        assert await state_of(tenant, asked) == "cancelled"
        await assert_invariants_hold(tenant.id)

    async def test_cancels_a_pause_that_waits_and_leaves_more_time_waiting(
        self, tenant: TestTenant
    ) -> None:
        deadline_id, subject = await start(tenant)
        asked = await ask_to(tenant, deadline_id, ChangeKind.pause)
        assert await self.end(tenant, subject) is None
        assert await state_of(tenant, asked) == "cancelled"
        asked = await ask_for(tenant, deadline_id, hours=1)
        assert await self.end(tenant, subject) is None
        assert await state_of(tenant, asked) == "pending"
        await vote(tenant, asked)
        await assert_invariants_hold(tenant.id)


class TestInvariants:
    """Each broken once by hand, and found."""

    async def broken(self, tenant: TestTenant) -> set[str]:
        return {result.name for result in await verify_tenant(tenant_id=tenant.id) if not result.ok}

    async def test_a_due_time_that_nothing_explains_is_found(
        self, tenant: TestTenant, database: DatabaseUrls
    ) -> None:
        deadline_id, _ = await start(tenant)
        async with connected(database.admin) as admin:
            await admin.execute("ALTER TABLE deadline_trail DISABLE TRIGGER USER")
            await admin.execute(
                "INSERT INTO deadline_trail (tenant_id, id, deadline_id, version, event, state,"
                " due_at, at, recorded_at, actor_name, reason) SELECT tenant_id, $2, deadline_id, 2,"
                " 'resumed', state, due_at + interval '3 hours', at, now(), '', '' FROM"
                " deadline_trail WHERE deadline_id = $1",
                deadline_id,
                new_id(),
            )
            await admin.execute(
                "UPDATE deadline SET due_at = due_at + interval '3 hours', version = 2,"
                " next_mark_at = next_mark_at + interval '3 hours' WHERE id = $1",
                deadline_id,
            )
            await admin.execute("ALTER TABLE deadline_trail ENABLE TRIGGER USER")
        assert await self.broken(tenant) == {"deadlines.time_is_explained"}

    async def test_an_extension_that_nobody_approved_is_found(self, tenant: TestTenant) -> None:
        deadline_id, subject = await start(tenant)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await clocks.extend_deadline(
                deadline_id=deadline_id,
                due_at=(await due_of_now(subject)) + timedelta(hours=1),
                approval_id=new_id(),
                reason="On my own",
            )
        assert await self.broken(tenant) == {
            "deadlines.changed_as_approved",
            "deadlines.time_is_explained",
        }

    async def test_a_proposal_that_nothing_waits_for_is_found(
        self, tenant: TestTenant, database: DatabaseUrls
    ) -> None:
        deadline_id, _ = await start(tenant)
        await ask_for(tenant, deadline_id, hours=1)
        async with connected(database.admin) as admin:
            await admin.execute(
                "UPDATE deadline SET pending_approval_id = NULL WHERE id = $1", deadline_id
            )
        assert await self.broken(tenant) == {"deadlines.proposals_wait_on_open_clocks"}


async def due_of_now(subject: UUID) -> datetime:
    found: datetime = await fetch_value(
        "SELECT due_at FROM deadline WHERE subject_id = $1", subject
    )
    return found


@pytest.mark.parametrize(
    "statement", ["UPDATE deadline_change SET reason = 'x'", "DELETE FROM deadline_change"]
)
async def test_what_was_proposed_is_append_only(tenant: TestTenant, statement: str) -> None:
    deadline_id, _ = await start(tenant)
    await ask_for(tenant, deadline_id, hours=1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute(statement)
