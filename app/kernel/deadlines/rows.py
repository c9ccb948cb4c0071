"""A deadline's row as the operations change it, together with its trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.actors import Actor
from app.kernel.approvals.operations import cancel_approval
from app.kernel.database import current, execute
from app.kernel.deadlines.values import DeadlineState, TrailEvent, mark_at
from app.kernel.ids import new_id

COLUMNS = (
    "id, kind, subject_kind, subject_id, state, started_at, due_at, paused_at, stopped_at,"
    " total_seconds, marks_left, version, pending_approval_id"
)


class DeadlineRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    kind: str
    subject_kind: str
    subject_id: UUID
    state: str
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None
    stopped_at: datetime | None
    total_seconds: int
    marks_left: list[Decimal]
    version: int
    pending_approval_id: UUID | None = None

    @property
    def next_mark_at(self) -> datetime | None:
        """When the next mark is due; none unless the clock runs."""
        if self.state != DeadlineState.running:
            return None
        return mark_at(self.due_at, self.total_seconds, self.marks_left[0])


_TRAIL = (
    "INSERT INTO deadline_trail (tenant_id, deadline_id, state, due_at, version, id, event,"
    " fraction, at, recorded_at, actor_id, actor_name, approval_id, reason) VALUES"
    " ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), $10, $11, $12, $13)"
)


async def insert(row: DeadlineRow) -> None:
    """Store a new row, with the first line of its trail."""
    await _with_trail(
        "INSERT INTO deadline (tenant_id, id, state, due_at, version, kind, subject_kind, subject_id,"
        " started_at, total_seconds, marks_left, next_mark_at, failures)"
        " VALUES ($1, $2, $3, $4, $5, $14, $15, $16, $17, $18, $19, $20, 0)",
        row.kind,
        row.subject_kind,
        row.subject_id,
        row.started_at,
        row.total_seconds,
        row.marks_left,
        row.next_mark_at,
        trail=_line(row, TrailEvent.started),
    )


async def write(
    row: DeadlineRow,
    event: TrailEvent,
    *,
    fraction: Decimal | None = None,
    approval_id: UUID | None = None,
    reason: str = "",
    actor: Actor | None = None,
) -> DeadlineRow:
    """Store the changed `row`, which the caller has locked, with one line on its trail."""
    row = msgspec.structs.replace(row, version=row.version + 1)
    await _with_trail(
        "UPDATE deadline SET state = $3, due_at = $4, version = $5, paused_at = $14,"
        " stopped_at = $15, total_seconds = $16, marks_left = $17, next_mark_at = $18,"
        " pending_approval_id = $19, failures = 0, retry_at = NULL WHERE tenant_id = $1 AND id = $2",
        row.paused_at,
        row.stopped_at,
        row.total_seconds,
        row.marks_left,
        row.next_mark_at,
        row.pending_approval_id,
        trail=_line(row, event, fraction, approval_id, reason, actor),
    )
    return row


# What a mark changes of each deadline, with its line on the trail.
_MARKS = """
WITH given AS (
  SELECT * FROM jsonb_to_recordset($2) AS given (id uuid, line_id uuid, state text,
    due_at timestamptz, version bigint, marks_left numeric[], next_mark_at timestamptz,
    pending_approval_id uuid, fraction numeric)
), changed AS (
  UPDATE deadline d SET state = given.state, version = given.version,
    marks_left = given.marks_left, next_mark_at = given.next_mark_at,
    pending_approval_id = given.pending_approval_id, failures = 0, retry_at = NULL
  FROM given WHERE d.tenant_id = $1 AND d.id = given.id
)
INSERT INTO deadline_trail (tenant_id, id, deadline_id, version, event, fraction, state, due_at, at,
  recorded_at, actor_id, actor_name, reason)
SELECT $1, line_id, id, version, 'mark', fraction, state, due_at, $3, clock_timestamp(), $4, $5, ''
FROM given
"""


async def write_marks(marks: Sequence[tuple[DeadlineRow, Decimal]]) -> None:
    """Store changed rows, which the caller has locked, each with its mark on its trail: many in one
    statement."""
    unit = current()
    given = [
        {
            "id": row.id,
            "line_id": new_id(),
            "state": row.state,
            "due_at": row.due_at,
            "version": row.version + 1,
            "marks_left": row.marks_left,
            "next_mark_at": row.next_mark_at,
            "pending_approval_id": row.pending_approval_id,
            "fraction": fraction,
        }
        for row, fraction in marks
    ]
    await execute(_MARKS, unit.tenant, given, unit.now, unit.actor.id, unit.actor.name)


async def without_proposal(row: DeadlineRow) -> DeadlineRow:
    """The locked row once its time is over: a change that was proposed and not decided is cancelled."""
    if row.pending_approval_id is None:
        return row
    await cancel_approval(approval_id=row.pending_approval_id)
    await audit.record(
        action="deadline.change_cancelled",
        subject_kind="deadline",
        subject_id=row.id,
        before={"approval": str(row.pending_approval_id)},
    )
    return msgspec.structs.replace(row, pending_approval_id=None)


async def _with_trail(change: str, *args: object, trail: list[object]) -> None:
    """One round trip for both; `$1` to `$13` of `change` are the trail's own."""
    await execute(f"WITH changed AS ({change}) {_TRAIL}", *trail, *args)


def _line(
    row: DeadlineRow,
    event: TrailEvent,
    fraction: Decimal | None = None,
    approval_id: UUID | None = None,
    reason: str = "",
    actor: Actor | None = None,
) -> list[object]:
    unit = current()
    actor = actor or unit.actor
    return [
        unit.tenant,
        row.id,
        row.state,
        row.due_at,
        row.version,
        new_id(),
        event.value,
        fraction,
        unit.now,
        actor.id,
        actor.name,
        approval_id,
        reason,
    ]
