"""Reads of approvals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.approvals.values import (
    ApprovalState,
    ApprovalView,
    DecisionView,
    DelegationView,
    Policy,
)
from app.kernel.database import current, fetch, matching
from app.kernel.errors import NotFound
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

APPROVALS = Sorting(
    keys={
        "requested_at": SortKey("requested_at", "timestamptz"),
        "decided_at": SortKey("coalesce(decided_at, 'infinity')", "timestamptz"),
        "state": SortKey("state", "text"),
    },
    default="-requested_at",
    tie="id",
)


class ApprovalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`approver` keeps those that name them in a stage; `approval_id` that one alone."""

    state: ApprovalState | None = None
    approver: UUID | None = None
    requested_from: datetime | None = None
    requested_before: datetime | None = None
    approval_id: UUID | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        state = self.state.value if self.state else None
        return (
            state,
            self.approver,
            self.requested_from,
            self.requested_before,
            self.approval_id,
        )


EVERY_APPROVAL = ApprovalFilter()
_MATCHING = """
    FROM approval WHERE ($1::text IS NULL OR state = $1)
    AND ($2::uuid IS NULL OR EXISTS (SELECT 1 FROM
      jsonb_path_query(policy, '$.stages[*].approvers[*]') AS named
      WHERE named = to_jsonb($2::uuid)))
    AND ($3::timestamptz IS NULL OR requested_at >= $3)
    AND ($4::timestamptz IS NULL OR requested_at < $4)
    AND ($5::uuid IS NULL OR id = $5)
"""


async def approvals(
    *,
    chosen: ApprovalFilter = EVERY_APPROVAL,
    order: Order = APPROVALS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[ApprovalView]:
    """Approvals of the tenant."""
    rows = await fetch(
        f"SELECT *, {order.column} {_MATCHING} AND {order.behind(after, argument=6)}"
        f" {order.clause} LIMIT $8",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    return order.sliced(rows, limit=limit, rows=await _views(rows[:limit]))


async def approval_count(*, chosen: ApprovalFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)


async def approval(*, approval_id: UUID) -> ApprovalView:
    """One approval; raises `NotFound`."""
    rows = await fetch("SELECT * FROM approval WHERE id = $1", approval_id)
    if not rows:
        raise NotFound
    return (await _views(rows))[0]


async def delegators_of(*, permission: str) -> list[UUID]:
    """For whom the current actor stands in now, with `permission`."""
    unit = current()
    rows = await fetch(
        "SELECT DISTINCT from_membership_id FROM delegation WHERE to_membership_id = $1"
        " AND $2 = ANY(permissions) AND starts_at <= $3 AND ends_at > $3 AND revoked_at IS NULL",
        unit.actor.id,
        permission,
        unit.now,
    )
    return [row["from_membership_id"] for row in rows]


async def stand_ins_of(*, membership_id: UUID, permission: str) -> list[UUID]:
    """Who stands in for this person now, with `permission`."""
    rows = await fetch(
        "SELECT DISTINCT to_membership_id FROM delegation WHERE from_membership_id = $1"
        " AND $2 = ANY(permissions) AND starts_at <= $3 AND ends_at > $3 AND revoked_at IS NULL",
        membership_id,
        permission,
        current().now,
    )
    return [row["to_membership_id"] for row in rows]


async def own_delegations(*, after: UUID | None = None, limit: int = 100) -> list[DelegationView]:
    """Whom the current actor lets stand in for them, the latest first; past ones as well.

    `after` is the last one of the page before.
    """
    rows = await fetch(
        "SELECT id, to_membership_id, permissions, starts_at, ends_at, revoked_at FROM delegation"
        " WHERE from_membership_id = $1 AND ($2::uuid IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT $3",
        current().actor.id,
        after,
        limit,
    )
    return [DelegationView(**dict(row)) for row in rows]


async def _views(rows: list[Any]) -> list[ApprovalView]:
    found = await fetch(
        "SELECT * FROM approval_decision WHERE approval_id = ANY($1) ORDER BY id",
        [row["id"] for row in rows],
    )
    decisions: dict[UUID, list[DecisionView]] = {}
    for row in found:
        decisions.setdefault(row["approval_id"], []).append(
            DecisionView(
                membership_id=row["membership_id"],
                name=row["name"],
                stage=row["stage"],
                decision=row["decision"],
                note=row["note"],
                decided_at=row["decided_at"],
            )
        )
    return [
        ApprovalView(
            id=row["id"],
            subject_kind=row["subject_kind"],
            subject_id=row["subject_id"],
            state=ApprovalState(row["state"]),
            stage=row["stage"],
            stages=msgspec.convert(row["policy"], Policy).stages,
            requested_by=row["requested_by"],
            requested_at=row["requested_at"],
            decided_at=row["decided_at"],
            decisions=decisions.get(row["id"], []),
        )
        for row in rows
    ]
