"""Lists of redemptions: filtered and sorted as the viewer asks, and queues by time left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.queries.scope import Scope, redemption_scope
from app.domains.investments.values import (
    Amounts,
    RedemptionFilter,
    RedemptionRow,
    RedemptionState,
)
from app.kernel.database import fetch, matching
from app.kernel.deadlines import Timer, deadlines_of
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

# More than anybody works through at a sitting; the rest moves up.
QUEUE_LENGTH_MAX = 200

COLUMNS = """
    r.*, c.name AS client_name, c.membership_id, c.rm_membership_id, p.name AS product_name,
    p.kind, p.asset, p.places, c.kyc, c.kyc_expires_at, c.standing
"""
FROM = """
    FROM redemption r JOIN client c ON c.id = r.client_id JOIN product p ON p.id = r.product_id
"""

# Of those that may be seen. The first two arguments are the scope's.
_MATCHING = """
    AND (cardinality($3::text[]) = 0 OR r.state = ANY($3))
    AND ($4::uuid IS NULL OR r.product_id = $4)
    AND ($5::uuid IS NULL OR r.client_id = $5)
    AND position(lower($6) IN lower(c.name)) > 0
    AND position(upper($7) IN upper(r.reference)) > 0
    AND ($8::timestamptz IS NULL OR EXISTS (SELECT 1 FROM deadline d
      WHERE d.subject_kind = 'redemption' AND d.subject_id = r.id
      AND d.stopped_at IS NULL AND d.due_at < $8))
    AND ($9::timestamptz IS NULL OR r.requested_at >= $9)
    AND ($10::timestamptz IS NULL OR r.requested_at < $10)
"""
_DUE_AT = """
    coalesce((SELECT min(d.due_at) FROM deadline d WHERE d.subject_kind = 'redemption'
      AND d.subject_id = r.id AND d.stopped_at IS NULL), 'infinity')
"""
# By state is by how far it is on its way.
_WAY = ", ".join(f"'{state}'" for state in RedemptionState)
REDEMPTIONS = Sorting(
    keys={
        "requested_at": SortKey("r.requested_at", "timestamptz"),
        "reference": SortKey("r.reference", "text"),
        "client": SortKey("lower(c.name)", "text"),
        "product": SortKey("lower(p.name)", "text"),
        "state": SortKey(f"array_position(ARRAY[{_WAY}], r.state)", "integer"),
        "gross": SortKey("r.gross", "numeric"),
        "net": SortKey("r.net", "numeric"),
        "due_at": SortKey(_DUE_AT, "timestamptz"),
    },
    default="-requested_at",
    tie="r.id",
)
EVERY_REDEMPTION = RedemptionFilter()


async def redemptions(
    *,
    chosen: RedemptionFilter = EVERY_REDEMPTION,
    order: Order = REDEMPTIONS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[RedemptionRow]:
    """What the viewer may see. Amounts are sorted as figures, whatever they are amounts of."""
    scope = await redemption_scope()
    rows = await fetch(
        f"SELECT {COLUMNS}, {order.column} {FROM} WHERE {scope.condition} {_MATCHING}"
        f" AND {order.behind(after, argument=11)} {order.clause} LIMIT $13",
        *_arguments(scope, chosen),
        *order.arguments(after),
        limit + 1,
    )
    return order.sliced(rows, limit=limit, rows=await _rows(rows[:limit]))


async def redemption_count(*, chosen: RedemptionFilter, limit: int) -> int:
    """How many match of those that the viewer may see; not counted beyond `limit`."""
    scope = await redemption_scope()
    return await matching(
        f"{FROM} WHERE {scope.condition} {_MATCHING}", *_arguments(scope, chosen), limit=limit
    )


def _arguments(scope: Scope, chosen: RedemptionFilter) -> list[Any]:
    states = [state.value for state in chosen.states]
    return [scope.memberships, scope.states, states, *msgspec.structs.astuple(chosen)[1:]]


async def queue(
    *, states: Sequence[RedemptionState], only: Sequence[UUID] | None = None
) -> list[RedemptionRow]:
    """The viewer's queue in these states: the one with the least time left first.

    With `only`, what of it has one of these ids.
    """
    scope = await redemption_scope()
    rows = await fetch(
        f"SELECT {COLUMNS} {FROM} LEFT JOIN LATERAL (SELECT min(d.due_at) AS due_at FROM deadline d"
        "   WHERE d.subject_kind = 'redemption' AND d.subject_id = r.id AND d.stopped_at IS NULL"
        " ) clock ON true"
        f" WHERE {scope.condition} AND r.state = ANY($3)"
        " AND ($5::uuid[] IS NULL OR r.id = ANY($5))"
        " ORDER BY clock.due_at NULLS LAST, r.id LIMIT $4",
        scope.memberships,
        scope.states,
        [state.value for state in states],
        QUEUE_LENGTH_MAX,
        only,
    )
    return await _rows(rows)


async def _rows(rows: Sequence[Any]) -> list[RedemptionRow]:
    timers = await deadlines_of(subject_kind="redemption", subject_ids=[row["id"] for row in rows])
    return [
        RedemptionRow(
            id=row["id"],
            reference=row["reference"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            product_name=row["product_name"],
            amounts=amounts_of(row),
            state=RedemptionState(row["state"]),
            requested_at=row["requested_at"],
            timer=_current_timer(timers.get(row["id"], [])),
        )
        for row in rows
    ]


def _current_timer(timers: list[Timer]) -> Timer | None:
    """The clock that matters: the last one started."""
    return timers[-1] if timers else None


def amounts_of(row: Any) -> Amounts:
    return Amounts(
        asset=row["asset"],
        places=row["places"],
        units=row["units"],
        principal_redeemed=row["principal_redeemed"],
        yield_accrued=row["yield_accrued"],
        gross=row["gross"],
        early_exit_penalty=row["early_exit_penalty"],
        redemption_fee=row["redemption_fee"],
        net=row["net"],
        nav_per_unit=row["nav_per_unit"],
        nav_at=row["nav_at"],
    )
