"""What operations oversee: how many redemptions stand where, and what a list calls them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.domains.investments.policy import OPEN_STATES
from app.domains.investments.queries.scope import redemption_scope
from app.domains.investments.values import PersonsWork, RedemptionName, RedemptionState
from app.kernel.database import fetch, fetch_row


async def redemptions_by_state() -> dict[RedemptionState, int]:
    """How many the viewer may see in each state; every state has its number."""
    scope = await redemption_scope()
    rows = await fetch(
        "SELECT r.state, count(*) AS found FROM redemption r JOIN client c ON c.id = r.client_id"
        f" WHERE {scope.condition} GROUP BY r.state",
        scope.memberships,
        scope.states,
    )
    found = {row["state"]: row["found"] for row in rows}
    return {state: found.get(state.value, 0) for state in RedemptionState}


async def redemptions_named(*, redemption_ids: Sequence[UUID]) -> dict[UUID, RedemptionName]:
    """Of those that the viewer may see: reference, client and state."""
    scope = await redemption_scope()
    rows = await fetch(
        "SELECT r.id, r.reference, r.state, c.name AS client_name"
        " FROM redemption r JOIN client c ON c.id = r.client_id"
        f" WHERE {scope.condition} AND r.id = ANY($3)",
        scope.memberships,
        scope.states,
        redemption_ids,
    )
    return {
        row["id"]: RedemptionName(
            reference=row["reference"],
            client_name=row["client_name"],
            state=RedemptionState(row["state"]),
        )
        for row in rows
    }


async def work_of(*, membership_id: UUID) -> PersonsWork:
    """How much of the tenant's work hangs on one person: numbers alone, for whoever is about to
    change their role or end their access.
    """
    row = await fetch_row(
        "SELECT (SELECT count(*) FROM client WHERE rm_membership_id = $1) AS clients,"
        " (SELECT count(*) FROM redemption WHERE approver_membership_id = $1"
        "   AND coalesce(held_from, state) = $2) AS waiting,"
        " (SELECT count(*) FROM redemption r JOIN client c ON c.id = r.client_id"
        "   WHERE c.membership_id = $1 AND r.state = ANY($3)) AS own_requests",
        membership_id,
        RedemptionState.pending_approval.value,
        [state.value for state in OPEN_STATES],
    )
    assert row is not None, "counts are always one row"
    return PersonsWork(**dict(row))
