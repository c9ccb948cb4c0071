"""Start, stop, pause, resume and extend a deadline; each leaves a line on its trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.database import current, fetch, fetch_row
from app.kernel.deadlines.firing import fire_due_marks
from app.kernel.deadlines.rows import COLUMNS, DeadlineRow, insert, write
from app.kernel.deadlines.values import DeadlineState, TrailEvent
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id

ONE = Decimal(1)


class DeadlineNotRunning(Conflict):
    code = "DEADLINE_NOT_RUNNING"
    title = "This clock has stopped, or has run out already"


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
    the workers were; a breached deadline stays breached and only records when it stopped. Does
    nothing where no such clock is open.
    """
    now = current().now
    rows = await fetch(
        f"SELECT {COLUMNS} FROM deadline WHERE subject_kind = $1 AND subject_id = $2"
        " AND kind = $3 AND stopped_at IS NULL ORDER BY id FOR NO KEY UPDATE",
        subject_kind,
        subject_id,
        kind,
    )
    for record in rows:
        row = await fire_due_marks(DeadlineRow(**dict(record)))
        if row.stopped_at is not None:
            continue
        state = row.state if row.state == DeadlineState.breached else outcome
        stopped = msgspec.structs.replace(row, state=state, stopped_at=now, paused_at=None)
        await write(stopped, TrailEvent.stopped, reason=outcome)


async def pause_deadline(*, deadline_id: UUID, reason: str) -> None:
    """Stand the clock still. Raises `NotFound` and `DeadlineNotRunning`."""
    row = await _locked(deadline_id, DeadlineState.running)
    paused = msgspec.structs.replace(row, state=DeadlineState.paused.value, paused_at=current().now)
    await _write_and_audit(row, paused, TrailEvent.paused, reason=reason)


async def resume_deadline(*, deadline_id: UUID) -> None:
    """Let the clock run on with the time that was left when it was paused."""
    row = await _locked(deadline_id, DeadlineState.paused)
    assert row.paused_at is not None, "the table says so of every paused deadline"
    resumed = msgspec.structs.replace(
        row,
        state=DeadlineState.running.value,
        paused_at=None,
        due_at=row.due_at + (current().now - row.paused_at),
    )
    await _write_and_audit(row, resumed, TrailEvent.resumed)


async def extend_deadline(
    *, deadline_id: UUID, due_at: datetime, approval_id: UUID, reason: str = ""
) -> None:
    """Give more time, as `approval_id` allows; marks that have fired do not fire again.

    Raises `NotFound`, `DeadlineNotRunning`, and `InputInvalid` for a time that is not later.
    """
    row = await _locked(deadline_id, DeadlineState.running, DeadlineState.paused)
    longer_seconds = int((due_at - row.due_at).total_seconds())
    if longer_seconds < 1:
        raise InputInvalid.of("due_at", "NOT_LATER", "Must be later than the time it is due now")
    extended = msgspec.structs.replace(
        row,
        due_at=row.due_at + timedelta(seconds=longer_seconds),
        total_seconds=row.total_seconds + longer_seconds,
    )
    await _write_and_audit(
        row, extended, TrailEvent.extended, approval_id=approval_id, reason=reason
    )


async def _locked(deadline_id: UUID, *states: DeadlineState) -> DeadlineRow:
    """The row, locked, its due marks fired, in one of `states`."""
    record = await fetch_row(
        f"SELECT {COLUMNS} FROM deadline WHERE id = $1 FOR NO KEY UPDATE", deadline_id
    )
    if record is None:
        raise NotFound
    row = await fire_due_marks(DeadlineRow(**dict(record)))
    if row.state not in states:
        raise DeadlineNotRunning
    return row


async def _write_and_audit(
    before: DeadlineRow,
    after: DeadlineRow,
    event: TrailEvent,
    *,
    approval_id: UUID | None = None,
    reason: str = "",
) -> None:
    await write(after, event, approval_id=approval_id, reason=reason)
    await audit.record(
        action=f"deadline.{event.value}",
        subject_kind="deadline",
        subject_id=before.id,
        before={"state": before.state, "due_at": before.due_at.isoformat()},
        after={"state": after.state, "due_at": after.due_at.isoformat(), "reason": reason},
    )
