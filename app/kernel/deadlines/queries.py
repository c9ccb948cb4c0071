"""Read deadlines: a subject's, a tenant's, and one's trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.kernel.clock import seconds_until
from app.kernel.database import current, fetch, fetch_row
from app.kernel.deadlines.values import (
    DeadlineCounts,
    DeadlineState,
    DeadlineView,
    Timer,
    TrailEntry,
    TrailEvent,
)
from app.kernel.errors import NotFound

# The share of its time from which a clock is shown as at risk: where its timer turns amber.
AT_RISK = Decimal("0.8")

_COLUMNS = (
    "id, kind, subject_kind, subject_id, state, started_at, due_at, paused_at, stopped_at,"
    " total_seconds"
)


async def deadlines_of(
    *, subject_kind: str, subject_ids: Sequence[UUID]
) -> dict[UUID, list[Timer]]:
    """The timers of each subject, in the order they were started; a subject without has no key."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM deadline WHERE subject_kind = $1 AND subject_id = ANY($2)"
        " ORDER BY started_at, id",
        subject_kind,
        subject_ids,
    )
    found: dict[UUID, list[Timer]] = {}
    for row in rows:
        found.setdefault(row["subject_id"], []).append(_timer(row))
    return found


async def deadlines(
    *,
    states: Sequence[DeadlineState] = (),
    kind: str | None = None,
    subject_ids: Sequence[UUID] | None = None,
    is_open: bool = False,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[DeadlineView]:
    """The tenant's deadlines, or those of the subjects named; the first due first.

    `is_open` leaves out what has stopped: a breach that was met late stays a breach. `after` is when the last one of the page before is due, and its id.
    """
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM deadline WHERE (cardinality($1::text[]) = 0 OR state = ANY($1))"
        " AND ($2::text IS NULL OR kind = $2)"
        " AND ($3::uuid[] IS NULL OR subject_id = ANY($3))"
        " AND ($4::timestamptz IS NULL OR (due_at, id) > ($4, $5::uuid))"
        " AND ($6::boolean IS FALSE OR stopped_at IS NULL)"
        " ORDER BY due_at, id LIMIT $7",
        [state.value for state in states],
        kind,
        subject_ids,
        *(after or (None, None)),
        is_open,
        limit,
    )
    return [_view(row) for row in rows]


async def deadline(*, deadline_id: UUID) -> DeadlineView:
    """One deadline; raises `NotFound`."""
    row = await fetch_row(f"SELECT {_COLUMNS} FROM deadline WHERE id = $1", deadline_id)
    if row is None:
        raise NotFound
    return _view(row)


async def deadline_counts() -> DeadlineCounts:
    """How the tenant's clocks stand now."""
    row = await fetch_row(
        "SELECT count(*) FILTER (WHERE state = 'running') AS running,"
        " count(*) FILTER (WHERE state = 'running' AND"
        f"   due_at - make_interval(secs => total_seconds * {1 - AT_RISK}) <= $1) AS at_risk,"
        " count(*) FILTER (WHERE state = 'breached') AS breached_open"
        " FROM deadline WHERE state IN ('running', 'breached') AND stopped_at IS NULL",
        current().now,
    )
    assert row is not None, "a count is always one row"
    return DeadlineCounts(**dict(row))


async def trail(*, deadline_id: UUID) -> list[TrailEntry]:
    """Everything that happened to the deadline, in order; empty when there is none."""
    rows = await fetch(
        "SELECT version, event, fraction, state, due_at, at, actor_name, approval_id, reason"
        " FROM deadline_trail WHERE deadline_id = $1 ORDER BY version",
        deadline_id,
    )
    return [
        TrailEntry(
            version=row["version"],
            event=TrailEvent(row["event"]),
            fraction=row["fraction"],
            state=DeadlineState(row["state"]),
            due_at=row["due_at"],
            at=row["at"],
            actor_name=row["actor_name"],
            approval_id=row["approval_id"],
            reason=row["reason"],
        )
        for row in rows
    ]


def _view(row: Any) -> DeadlineView:
    return DeadlineView(
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        stopped_at=row["stopped_at"],
        timer=_timer(row),
    )


def _timer(row: Any) -> Timer:
    seen_at = row["stopped_at"] or row["paused_at"] or current().now
    return Timer(
        id=row["id"],
        kind=row["kind"],
        state=row["state"],
        started_at=row["started_at"],
        due_at=row["due_at"],
        remaining_seconds=seconds_until(row["due_at"], seen_at),
        total_seconds=row["total_seconds"],
    )
