"""Clients by name, within the viewer's scope."""

from __future__ import annotations

from app.domains.identity.public import names_of
from app.domains.investments.queries.scope import SEES_ALL, is_in_book, redemption_scope
from app.domains.investments.values import ClientFound
from app.kernel.database import current, fetch

# Those of whose redemptions the viewer sees one, beside their own and those they manage.
_IN_SCOPE = """
    (c.membership_id = $3 OR c.rm_membership_id = $3
      OR EXISTS (SELECT 1 FROM redemption r WHERE r.client_id = c.id AND {condition}))
"""


async def clients_named(*, name: str, limit: int = 20) -> list[ClientFound]:
    """Clients in whose name this stands, in the order of their names; at most `limit`."""
    actor = current().actor
    scope = await redemption_scope()
    in_scope = _IN_SCOPE.format(condition=scope.condition)
    if actor.role in SEES_ALL:
        in_scope = f"({scope.condition} AND ($3::uuid IS NULL OR true))"
    rows = await fetch(
        "SELECT c.id, c.name, c.rm_membership_id FROM client c"
        f" WHERE position(lower($4) IN lower(c.name)) > 0 AND {in_scope}"
        " ORDER BY c.name, c.id LIMIT $5",
        scope.memberships,
        scope.states,
        actor.id,
        name,
        limit,
    )
    names = await names_of(membership_ids=[row["rm_membership_id"] for row in rows])
    return [
        ClientFound(
            id=row["id"],
            name=row["name"],
            rm_name=names.get(row["rm_membership_id"], ""),
            in_book=is_in_book(row["rm_membership_id"]),
        )
        for row in rows
    ]
