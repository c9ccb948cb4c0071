"""More time for a clock, or a pause: proposed by one person, decided by another.

The proposal is an approval whose subject is the clock. It changes nothing; the deciding vote does,
in its own transaction. A clock that stops or runs out first cancels it.

Locks are taken in one order by all: the clock's subject, the clock, its approval.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.kernel import audit
from app.kernel.approvals.operations import request_approval
from app.kernel.approvals.subjects import register_subject
from app.kernel.approvals.values import ApprovalState, Outcome, Policy, Stage
from app.kernel.clock import seconds_until
from app.kernel.database import current, execute, fetch_row
from app.kernel.deadlines.operations import (
    DeadlineNotRunning,
    extend_deadline,
    lock_deadline,
    lock_open,
    pause_deadline,
    resume_deadline,
)
from app.kernel.deadlines.rows import DeadlineRow, without_proposal
from app.kernel.deadlines.subjects import ChangeNews, ClockSubject, clock_subject_of
from app.kernel.deadlines.values import ChangeKind, DeadlineState
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.notes import checked_reason

LONGER_MAX = timedelta(days=30)
DECIDES = "deadline:decide"
POLICY = Policy(stages=[Stage(name="operations or compliance", permission=DECIDES)])
# From which state each change starts.
STARTS_FROM = {
    ChangeKind.extension: DeadlineState.running,
    ChangeKind.pause: DeadlineState.running,
    ChangeKind.resume: DeadlineState.paused,
}


class ChangePending(Conflict):
    code = "CHANGE_PENDING"
    title = "A change of this clock waits for a decision already; one at a time"


class DeadlineMoved(Conflict):
    code = "DEADLINE_MOVED"
    title = "The clock has changed since this was proposed; reject it, and propose it anew"


class _Locked(NamedTuple):
    subject: ClockSubject
    held: Any
    row: DeadlineRow
    was_pending: bool  # a change was, before the marks that were due fired


async def propose_extension(*, deadline_id: UUID, due_at: datetime, reason: str) -> UUID:
    """Ask for a later end, at most 30 days later, of a running clock; returns the approval's id.

    Counted in whole seconds. Raises `NotFound`, `DeadlineNotRunning`, `ChangePending`, and
    `InputInvalid` for a time that is not later or too late, or without a reason.
    """
    reason = checked_reason(reason, field="reason")
    locked = await _lock(deadline_id)
    _check_open(locked.row, ChangeKind.extension)
    later = later_end(due_at=due_at, due_now=locked.row.due_at)
    return await _propose(locked, ChangeKind.extension, reason=reason, due_at=later)


async def propose_pause(*, deadline_id: UUID, reason: str) -> UUID:
    """Ask that a running clock stand still; returns the approval's id.

    Raises `NotFound`, `DeadlineNotRunning`, `ChangePending`, `InputInvalid` without a reason, and
    what the clock's subject says against it.
    """
    reason = checked_reason(reason, field="reason")
    return await _propose(await _lock(deadline_id), ChangeKind.pause, reason=reason)


async def propose_resume(*, deadline_id: UUID, reason: str) -> UUID:
    """Ask that a paused clock run on; returns the approval's id. Raises as `propose_pause`."""
    reason = checked_reason(reason, field="reason")
    return await _propose(await _lock(deadline_id), ChangeKind.resume, reason=reason)


def later_end(*, due_at: datetime, due_now: datetime) -> datetime:
    """The end that an extension to `due_at` comes to. Raises `InputInvalid`."""
    longer_seconds = seconds_until(due_at, due_now)
    if longer_seconds < 1:
        raise InputInvalid.of("due_at", "NOT_LATER", "Must be later than the time it is due now")
    if longer_seconds > LONGER_MAX.total_seconds():
        raise InputInvalid.of(
            "due_at", "TOO_LATE", f"At most {LONGER_MAX.days} days later than it is due now"
        )
    return due_now + timedelta(seconds=longer_seconds)


async def end_pause(
    *, subject_kind: str, subject_id: UUID, kind: str, reason: str
) -> datetime | None:
    """What the subject's clock of `kind` may stand still for is over. The caller holds its lock.

    A paused clock runs on, and a proposal to pause it or to let it run on is cancelled. Returns when
    a clock that was paused is due now.
    """
    due_at = None
    for row in await lock_open(subject_kind=subject_kind, subject_id=subject_id, kind=kind):
        if row.pending_approval_id is not None:
            change = await _change(row.pending_approval_id)
            if change["kind"] != ChangeKind.extension:
                await without_proposal(row)
                await _set_pending(row.id, None)
        if row.state == DeadlineState.paused:
            await resume_deadline(deadline_id=row.id, reason=reason)
            due_at = (await lock_deadline(row.id)).due_at
    return due_at


async def _lock(deadline_id: UUID) -> _Locked:
    """The clock, its subject before it: as every operation of the subject does."""
    found = await fetch_row(
        "SELECT subject_kind, subject_id, pending_approval_id IS NOT NULL AS was_pending"
        " FROM deadline WHERE id = $1",
        deadline_id,
    )
    if found is None:
        raise NotFound
    subject = clock_subject_of(found["subject_kind"])
    held = await subject.lock(found["subject_id"])
    return _Locked(subject, held, await lock_deadline(deadline_id), found["was_pending"])


def _check_open(row: DeadlineRow, kind: ChangeKind) -> None:
    if row.state != STARTS_FROM[kind]:
        raise DeadlineNotRunning(
            f"The clock is {row.state}; it can only be changed this way while it is"
            f" {STARTS_FROM[kind]}"
        )


async def _propose(
    locked: _Locked, kind: ChangeKind, *, reason: str, due_at: datetime | None = None
) -> UUID:
    unit, row = current(), locked.row
    _check_open(row, kind)
    if row.pending_approval_id is not None:
        raise ChangePending
    locked.subject.check(kind, row.kind, locked.held)
    approval_id = await request_approval(subject_kind="deadline", subject_id=row.id, policy=POLICY)
    await execute(
        "INSERT INTO deadline_change (tenant_id, id, deadline_id, approval_id, kind, due_at,"
        " seen_state, seen_due_at, at, actor_id, actor_name, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        unit.tenant,
        new_id(),
        row.id,
        approval_id,
        kind.value,
        due_at,
        row.state,
        row.due_at,
        unit.now,
        unit.actor.id,
        unit.actor.name,
        reason,
    )
    await _set_pending(row.id, approval_id)
    await audit.record(
        action="deadline.change_proposed",
        subject_kind="deadline",
        subject_id=row.id,
        before={"state": row.state, "due_at": row.due_at.isoformat()},
        after={
            "change": kind.value,
            "due_at": due_at.isoformat() if due_at else None,
            "reason": reason,
            "approval": str(approval_id),
        },
    )
    await _tell(locked, await _change(approval_id), ApprovalState.pending, row, note="")
    return approval_id


async def _lock_to_decide(deadline_id: UUID) -> _Locked:
    """Raises `DeadlineNotRunning` where the clock runs out at this moment, before a worker saw it."""
    locked = await _lock(deadline_id)
    if locked.was_pending and locked.row.state == DeadlineState.breached:
        raise DeadlineNotRunning("The clock has run out meanwhile; nothing of it can be changed")
    return locked


async def _decided(outcome: Outcome, locked: _Locked) -> None:
    """Carry it out, or let the clock be as it is."""
    change = await _change(outcome.approval_id)
    if outcome.state is ApprovalState.approved:
        await _carry_out(change, locked)
    else:
        await _set_pending(locked.row.id, None)
    after = await lock_deadline(locked.row.id)
    await _tell(locked, change, outcome.state, after, note=outcome.note)


async def _carry_out(change: Any, locked: _Locked) -> None:
    row, kind = locked.row, ChangeKind(change["kind"])
    if (row.state, row.due_at) != (change["seen_state"], change["seen_due_at"]):
        raise DeadlineMoved
    locked.subject.check(kind, row.kind, locked.held)
    approval_id, reason = change["approval_id"], change["reason"]
    if kind is ChangeKind.extension:
        await extend_deadline(
            deadline_id=row.id, due_at=change["due_at"], approval_id=approval_id, reason=reason
        )
    elif kind is ChangeKind.pause:
        await pause_deadline(deadline_id=row.id, approval_id=approval_id, reason=reason)
    else:
        await resume_deadline(deadline_id=row.id, approval_id=approval_id, reason=reason)


async def _tell(
    locked: _Locked, change: Any, state: ApprovalState, row: DeadlineRow, *, note: str
) -> None:
    due_at = change["due_at"] if state is ApprovalState.pending else None
    await locked.subject.tell(
        ChangeNews(
            deadline_id=row.id,
            clock=row.kind,
            kind=ChangeKind(change["kind"]),
            state=state,
            due_at=due_at or row.due_at,
            remaining_seconds=seconds_until(due_at or row.due_at, current().now),
            asked_by=change["actor_id"],
            reason=change["reason"],
            note=note,
        ),
        locked.held,
    )


async def _change(approval_id: UUID) -> Any:
    change = await fetch_row("SELECT * FROM deadline_change WHERE approval_id = $1", approval_id)
    assert change is not None, "each approval of a clock is opened with its change"
    return change


async def _set_pending(deadline_id: UUID, approval_id: UUID | None) -> None:
    await execute(
        "UPDATE deadline SET pending_approval_id = $2 WHERE id = $1", deadline_id, approval_id
    )


register_subject("deadline", lock=_lock_to_decide, decided=_decided)
