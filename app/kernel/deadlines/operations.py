"""Start, stop, pause, resume and extend a deadline; each leaves a line on its trail.

Start and stop belong to what the clock is about. The others are what two people agreed on:
`changes.py` calls them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.clock import seconds_until
from app.kernel.database import current, fetch, fetch_row
from app.kernel.deadlines.firing import fire_due_marks
from app.kernel.deadlines.rows import COLUMNS, DeadlineRow, insert, without_proposal, write
from app.kernel.deadlines.values import DeadlineState, TrailEvent
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id

ONE = Decimal(1)


class DeadlineNotRunning(Conflict):
    code = "DEADLINE_NOT_RUNNING"
    title = "The clock does not run: it is paused, has stopped or has run out"


async def start_deadline(
    *,
    kind: str,
    subject_kind: str,
    subject_id: UUID,
    due_in: timedelta,
    marks: Sequence[Decimal] = (ONE,),
) -> UUID:
    """Start a clock of `kind` on the subject, due `due_in` from now (business time).

    `marks` are fractions of that time, above 0 and up to 1; the end itself is always one. The
    database refuses a second open clock of the same kind on a subject.
    """
    unit = current()
    fractions = sorted({*marks, ONE})
    if not 0 < fractions[0] <= fractions[-1] <= 1:
        raise ValueError("marks are fractions above 0 and up to 1")
    total_seconds = int(due_in.total_seconds())
    if total_seconds < 1:
        raise ValueError("a deadline gives at least a second")
    row = DeadlineRow(
        id=new_id(),
        kind=kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        state=DeadlineState.running.value,
        started_at=unit.now,
        due_at=unit.now + timedelta(seconds=total_seconds),
        paused_at=None,
        stopped_at=None,
        total_seconds=total_seconds,
        marks_left=fractions,
        version=1,
    )
    await insert(row)
    return row.id


async def stop_deadline(
    *, subject_kind: str, subject_id: UUID, kind: str, outcome: Literal["met", "cancelled"]
) -> None:
    """Stop the subject's clock of `kind`: what was due is done, or no longer wanted.

    Marks that were due before now fire first, so that what is done late is breached however busy
    the workers were; a breached deadline stays breached and only records when it stopped. One that
    is paused runs on first, with the time it had left. A change of it that nobody has decided on is
    cancelled. Does nothing where no such clock is open.
    """
    for record in await lock_open(subject_kind=subject_kind, subject_id=subject_id, kind=kind):
        row = await fire_due_marks(record)
        if row.stopped_at is not None:
            continue
        if row.state == DeadlineState.paused:
            row = await write(_run_on(row), TrailEvent.resumed)
        state = row.state if row.state == DeadlineState.breached else outcome
        stopped = msgspec.structs.replace(
            await without_proposal(row), state=state, stopped_at=current().now
        )
        await write(stopped, TrailEvent.stopped, reason=outcome)


async def lock_open(*, subject_kind: str, subject_id: UUID, kind: str) -> list[DeadlineRow]:
    """The subject's clocks of `kind` that nothing has stopped yet, locked."""
    rows = await fetch(
        f"SELECT {COLUMNS} FROM deadline WHERE subject_kind = $1 AND subject_id = $2"
        " AND kind = $3 AND stopped_at IS NULL ORDER BY id FOR NO KEY UPDATE",
        subject_kind,
        subject_id,
        kind,
    )
    return [DeadlineRow(**dict(row)) for row in rows]


async def lock_deadline(deadline_id: UUID) -> DeadlineRow:
    """The row, locked, its due marks fired. Raises `NotFound`."""
    record = await fetch_row(
        f"SELECT {COLUMNS} FROM deadline WHERE id = $1 FOR NO KEY UPDATE", deadline_id
    )
    if record is None:
        raise NotFound
    return await fire_due_marks(DeadlineRow(**dict(record)))


async def pause_deadline(*, deadline_id: UUID, approval_id: UUID, reason: str) -> None:
    """Stand the clock still, as `approval_id` allows. Raises `NotFound` and `DeadlineNotRunning`."""
    row = await _locked(deadline_id, DeadlineState.running)
    paused = msgspec.structs.replace(
        row,
        state=DeadlineState.paused.value,
        paused_at=current().now,
        pending_approval_id=_still_pending(row, approval_id),
    )
    await _write_and_audit(row, paused, TrailEvent.paused, approval_id=approval_id, reason=reason)


async def resume_deadline(
    *, deadline_id: UUID, approval_id: UUID | None = None, reason: str = ""
) -> None:
    """Let the clock run on with the time that was left when it was paused.

    It needs no approval where what it stood still for is over. Raises `NotFound` and
    `DeadlineNotRunning`.
    """
    row = await _locked(deadline_id, DeadlineState.paused)
    resumed = msgspec.structs.replace(
        _run_on(row), pending_approval_id=_still_pending(row, approval_id)
    )
    await _write_and_audit(row, resumed, TrailEvent.resumed, approval_id=approval_id, reason=reason)


def _run_on(row: DeadlineRow) -> DeadlineRow:
    """A paused clock, running from now on."""
    assert row.paused_at is not None, "the table says so of every paused deadline"
    return msgspec.structs.replace(
        row,
        state=DeadlineState.running.value,
        paused_at=None,
        due_at=row.due_at + (current().now - row.paused_at),
    )


def _still_pending(row: DeadlineRow, approval_id: UUID | None) -> UUID | None:
    """What is proposed of the clock still, once `approval_id` is carried out."""
    return None if row.pending_approval_id == approval_id else row.pending_approval_id


async def extend_deadline(
    *, deadline_id: UUID, due_at: datetime, approval_id: UUID, reason: str
) -> None:
    """Give a running clock more time, to the second, as `approval_id` allows.

    Marks that have fired do not fire again; those that have not move with the end. Raises
    `NotFound`, `DeadlineNotRunning`, and `InputInvalid` for a time that is not later.
    """
    row = await _locked(deadline_id, DeadlineState.running)
    longer_seconds = seconds_until(due_at, row.due_at)
    if longer_seconds < 1:
        raise InputInvalid.of("due_at", "NOT_LATER", "Must be later than the time it is due now")
    extended = msgspec.structs.replace(
        row,
        due_at=row.due_at + timedelta(seconds=longer_seconds),
        total_seconds=row.total_seconds + longer_seconds,
        pending_approval_id=_still_pending(row, approval_id),
    )
    await _write_and_audit(
        row, extended, TrailEvent.extended, approval_id=approval_id, reason=reason
    )


async def _locked(deadline_id: UUID, *states: DeadlineState) -> DeadlineRow:
    row = await lock_deadline(deadline_id)
    if row.state not in states:
        raise DeadlineNotRunning
    return row


async def _write_and_audit(
    before: DeadlineRow,
    after: DeadlineRow,
    event: TrailEvent,
    *,
    approval_id: UUID | None,
    reason: str,
) -> None:
    await write(after, event, approval_id=approval_id, reason=reason)
    await audit.record(
        action=f"deadline.{event.value}",
        subject_kind="deadline",
        subject_id=before.id,
        before={"state": before.state, "due_at": before.due_at.isoformat()},
        after={"state": after.state, "due_at": after.due_at.isoformat(), "reason": reason},
    )
