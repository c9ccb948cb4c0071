"""Read deadlines: a subject's, a tenant's, and one's trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.approvals.values import ApprovalState
from app.kernel.clock import seconds_until
from app.kernel.database import current, fetch, fetch_row, matching
from app.kernel.deadlines.values import (
    ChangeKind,
    ChangeView,
    DeadlineCounts,
    DeadlineState,
    DeadlineView,
    Timer,
    TrailEntry,
    TrailEvent,
)
from app.kernel.errors import NotFound
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

# The share of its time from which a clock is shown as at risk: where its timer turns amber.
AT_RISK = Decimal("0.8")

_COLUMNS = (
    "id, kind, subject_kind, subject_id, state, started_at, due_at, paused_at, stopped_at,"
    " total_seconds, marks_left, pending_approval_id,"
    # A breach keeps its state; only its trail says what it was stopped for.
    " CASE WHEN state = 'breached' AND stopped_at IS NOT NULL THEN (SELECT t.reason"
    "   FROM deadline_trail t WHERE t.tenant_id = deadline.tenant_id"
    "   AND t.deadline_id = deadline.id AND t.event = 'stopped')"
    " WHEN state IN ('met', 'cancelled') THEN state END AS outcome"
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


DEADLINES = Sorting(
    keys={
        "due_at": SortKey("due_at", "timestamptz"),
        "started_at": SortKey("started_at", "timestamptz"),
        "kind": SortKey("kind", "text"),
        "state": SortKey("state", "text"),
    },
    default="due_at",
    tie="id",
)


class DeadlineFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`subject_ids` keeps those of the subjects named; `is_open` leaves out what has stopped: a
    breach that was met late stays a breach. `has_proposal` keeps clocks of which somebody proposed
    a change that waits for a decision."""

    states: Sequence[DeadlineState] = ()
    kind: str | None = None
    subject_ids: Sequence[UUID] | None = None
    is_open: bool = False
    due_from: datetime | None = None
    due_before: datetime | None = None
    has_proposal: bool = False

    @property
    def arguments(self) -> tuple[Any, ...]:
        states = [state.value for state in self.states]
        due = self.due_from, self.due_before
        return states, self.kind, self.subject_ids, self.is_open, *due, self.has_proposal


EVERY_DEADLINE = DeadlineFilter()
_MATCHING = """
    FROM deadline WHERE (cardinality($1::text[]) = 0 OR state = ANY($1))
    AND ($2::text IS NULL OR kind = $2)
    AND ($3::uuid[] IS NULL OR subject_id = ANY($3))
    AND ($4::boolean IS FALSE OR stopped_at IS NULL)
    AND ($5::timestamptz IS NULL OR due_at >= $5)
    AND ($6::timestamptz IS NULL OR due_at < $6)
    AND ($7::boolean IS FALSE OR pending_approval_id IS NOT NULL)
"""


async def deadlines(
    *,
    chosen: DeadlineFilter = EVERY_DEADLINE,
    order: Order = DEADLINES.default,
    after: Place | None = None,
    limit: int = 100,
) -> Slice[DeadlineView]:
    """The tenant's deadlines."""
    rows = await fetch(
        f"SELECT {_COLUMNS}, {order.column} {_MATCHING} AND {order.behind(after, argument=8)}"
        f" {order.clause} LIMIT $10",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    return order.sliced(rows, limit=limit, rows=[_view(row) for row in rows[:limit]])


async def deadline_count(*, chosen: DeadlineFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)


async def deadline_kinds() -> list[str]:
    """The kinds of clocks that there are: what a filter offers."""
    rows = await fetch("SELECT DISTINCT kind FROM deadline ORDER BY kind")
    return [row["kind"] for row in rows]


async def deadline(*, deadline_id: UUID) -> DeadlineView:
    """One deadline; raises `NotFound`."""
    row = await fetch_row(f"SELECT {_COLUMNS} FROM deadline WHERE id = $1", deadline_id)
    if row is None:
        raise NotFound
    return _view(row)


async def subjects_of(*, deadline_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """What each clock runs on."""
    rows = await fetch("SELECT id, subject_id FROM deadline WHERE id = ANY($1)", deadline_ids)
    return {row["id"]: row["subject_id"] for row in rows}


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
    return (await trails(deadline_ids=[deadline_id])).get(deadline_id, [])


async def trails(*, deadline_ids: Sequence[UUID]) -> dict[UUID, list[TrailEntry]]:
    """Everything that happened to each, in order; one that is not there has no key."""
    rows = await fetch(
        "SELECT t.deadline_id, t.version, t.event, t.fraction, t.state, t.due_at, t.at,"
        " t.actor_name, coalesce(c.actor_name, '') AS asked_by, t.approval_id, t.reason"
        " FROM deadline_trail t LEFT JOIN deadline_change c"
        "   ON c.tenant_id = t.tenant_id AND c.approval_id = t.approval_id"
        " WHERE t.deadline_id = ANY($1) ORDER BY t.deadline_id, t.version",
        deadline_ids,
    )
    found: dict[UUID, list[TrailEntry]] = {}
    for row in rows:
        found.setdefault(row["deadline_id"], []).append(
            TrailEntry(
                version=row["version"],
                event=TrailEvent(row["event"]),
                fraction=row["fraction"],
                state=DeadlineState(row["state"]),
                due_at=row["due_at"],
                at=row["at"],
                actor_name=row["actor_name"],
                asked_by=row["asked_by"],
                approval_id=row["approval_id"],
                reason=row["reason"],
            )
        )
    return found


async def changes_of(*, deadline_id: UUID) -> list[ChangeView]:
    """What was ever proposed of the deadline, the latest first."""
    return await _changes("c.deadline_id = $1", deadline_id)


async def changes_by_approval(*, approval_ids: Sequence[UUID]) -> dict[UUID, ChangeView]:
    """The change that each approval is about; one of something else has no key."""
    found = await _changes("c.approval_id = ANY($1)", approval_ids)
    return {change.approval_id: change for change in found}


async def _changes(condition: str, value: object) -> list[ChangeView]:
    rows = await fetch(
        "SELECT c.approval_id, c.deadline_id, c.kind, c.due_at, c.seen_due_at, c.reason,"
        " c.actor_id, c.actor_name, c.at, a.state, a.decided_at,"
        " coalesce(d.name, '') AS decided_by, coalesce(d.note, '') AS note"
        " FROM deadline_change c JOIN approval a"
        "   ON a.tenant_id = c.tenant_id AND a.id = c.approval_id"
        " LEFT JOIN approval_decision d"
        "   ON d.tenant_id = c.tenant_id AND d.approval_id = c.approval_id"
        f" WHERE {condition} ORDER BY c.id DESC",
        value,
    )
    return [
        ChangeView(
            approval_id=row["approval_id"],
            deadline_id=row["deadline_id"],
            kind=ChangeKind(row["kind"]),
            due_at=row["due_at"],
            due_before=row["seen_due_at"],
            reason=row["reason"],
            asked_by=row["actor_id"],
            asked_by_name=row["actor_name"],
            asked_at=row["at"],
            state=ApprovalState(row["state"]),
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
            note=row["note"],
        )
        for row in rows
    ]


def _view(row: Any) -> DeadlineView:
    return DeadlineView(
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        timer=_timer(row),
        marks_left=row["marks_left"],
        pending_approval_id=row["pending_approval_id"],
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
        stopped_at=row["stopped_at"],
        outcome=row["outcome"],
    )
