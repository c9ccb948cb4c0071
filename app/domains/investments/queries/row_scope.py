"""Row scope for what the kernel shows over REST: a member's own entries, and whose deadlines."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.queries.scope import SEES_ALL, redemption_scope
from app.kernel.database import current, fetch, fetch_value


async def owns_ledger_entry(*, entry_id: UUID) -> bool:
    """Whether the entry moves something on an account of the current client's subscriptions."""
    owns: bool = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM ledger_posting p"
        " JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.id = p.account_id"
        " JOIN subscription s ON s.tenant_id = a.tenant_id AND s.id = a.owner_id"
        " JOIN client c ON c.tenant_id = s.tenant_id AND c.id = s.client_id"
        " WHERE p.tenant_id = $1 AND p.entry_id = $2 AND c.membership_id = $3)",
        current().tenant,
        entry_id,
        current().actor.id,
    )
    return owns


async def visible_redemption_ids() -> list[UUID] | None:
    """The redemptions that the current actor sees; None where that is all of them."""
    if current().actor.role in SEES_ALL:
        return None
    scope = await redemption_scope()
    rows = await fetch(
        "SELECT r.id FROM redemption r"
        " JOIN client c ON c.tenant_id = r.tenant_id AND c.id = r.client_id"
        f" WHERE {scope.condition}",
        scope.memberships,
        scope.states,
    )
    return [row["id"] for row in rows]
