"""A deadline's row as the operations change it, together with its trail."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from app.kernel.actors import Actor
from app.kernel.database import current, execute
from app.kernel.deadlines.values import DeadlineState, TrailEvent, mark_at
from app.kernel.ids import new_id

COLUMNS = (
    "id, kind, subject_kind, subject_id, state, started_at, due_at, paused_at, stopped_at,"
    " total_seconds, marks_left, version"
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

    @property
    def next_mark_at(self) -> datetime | None:
        """When the next mark is due; none unless the clock runs."""
        if self.state != DeadlineState.running:
            return None
        return mark_at(self.due_at, self.total_seconds, self.marks_left[0])


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
    unit = current()
    actor = actor or unit.actor
    row = msgspec.structs.replace(row, version=row.version + 1)
    await execute(
        "UPDATE deadline SET state = $2, due_at = $3, paused_at = $4, stopped_at = $5,"
        " total_seconds = $6, marks_left = $7, next_mark_at = $8, version = $9, failures = 0,"
        " retry_at = NULL WHERE id = $1",
        row.id,
        row.state,
        row.due_at,
        row.paused_at,
        row.stopped_at,
        row.total_seconds,
        row.marks_left,
        row.next_mark_at,
        row.version,
    )
    await add_to_trail(
        row, event, fraction=fraction, approval_id=approval_id, reason=reason, actor=actor
    )
    return row


async def add_to_trail(
    row: DeadlineRow,
    event: TrailEvent,
    *,
    fraction: Decimal | None = None,
    approval_id: UUID | None = None,
    reason: str = "",
    actor: Actor,
) -> None:
    unit = current()
    await execute(
        "INSERT INTO deadline_trail (tenant_id, id, deadline_id, version, event, fraction, state,"
        " due_at, at, recorded_at, actor_id, actor_name, approval_id, reason) VALUES"
        " ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), $10, $11, $12, $13)",
        unit.tenant,
        new_id(),
        row.id,
        row.version,
        event.value,
        fraction,
        row.state,
        row.due_at,
        unit.now,
        actor.id,
        actor.name,
        approval_id,
        reason,
    )
