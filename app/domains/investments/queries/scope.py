"""Whose redemptions and subscriptions a viewer sees: the row scope that goes with a permission.

A member sees their own, a relationship manager their clients' (and those of whom they stand in
for), a trader what is approved or later, operations and compliance everything in their tenant.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.domains.investments.policy import SETTLEMENT_STATES
from app.kernel.approvals.queries import delegators_of
from app.kernel.database import current, fetch_value
from app.kernel.errors import NotFound

SEES_ALL = frozenset({"operations", "compliance", "system"})


class Scope(NamedTuple):
    """A condition on redemption `r` and client `c`, with `$1` and `$2` as its two arguments."""

    condition: str
    memberships: list[UUID]
    states: list[str]


EVERYTHING = Scope("$1::uuid[] IS NOT NULL AND $2::text[] IS NOT NULL", [], [])


async def redemption_scope() -> Scope:
    """The current actor's."""
    actor = current().actor
    if actor.role in SEES_ALL:
        return EVERYTHING
    if actor.role == "trader":
        states = sorted(state.value for state in SETTLEMENT_STATES)
        return Scope(
            "$1::uuid[] IS NOT NULL AND coalesce(r.held_from, r.state) = ANY($2)", [], states
        )
    assert actor.id is not None, "only the portal itself has no membership"
    if actor.role == "rm":
        behalf = await delegators_of(permission="redemption:approve")
        return Scope(
            "(c.rm_membership_id = ANY($1) OR r.approver_membership_id = ANY($1))"
            " AND $2::text[] IS NOT NULL",
            [actor.id, *behalf],
            [],
        )
    return Scope("c.membership_id = ANY($1) AND $2::text[] IS NOT NULL", [actor.id], [])


async def check_visible(*, redemption_id: UUID) -> None:
    """Raise `NotFound` where the current actor may not see the redemption, or there is none."""
    scope = await redemption_scope()
    seen = await fetch_value(
        "SELECT 1 FROM redemption r JOIN client c ON c.id = r.client_id"
        f" WHERE r.id = $3 AND {scope.condition}",
        scope.memberships,
        scope.states,
        redemption_id,
    )
    if seen is None:
        raise NotFound


def is_in_book(rm_membership_id: UUID) -> bool:
    """Whether the current actor may open the page of a client whom this manager serves."""
    actor = current().actor
    return actor.may("client:read") and (actor.role in SEES_ALL or rm_membership_id == actor.id)
