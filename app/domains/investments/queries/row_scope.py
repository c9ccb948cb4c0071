"""Row scope for what the kernel shows: a member's own entries, and whose deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.investments.queries.scope import SEES_ALL, check_visible, redemption_scope
from app.kernel.database import current, fetch
from app.kernel.deadlines import DeadlineView, deadline
from app.kernel.errors import NotFound
from app.kernel.ledger.queries import entry_view
from app.kernel.ledger.values import EntryView


class VisibleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`is_whole` is false where postings of other clients were left out of `entry`."""

    entry: EntryView
    is_whole: bool


# Per entry asked for, each account of a subscription in it, and whether it is the viewer's own.
_CLIENTS_ACCOUNTS = """
    SELECT DISTINCT p.entry_id, p.account_id,
      coalesce(c.membership_id = $3, false) AS is_own
    FROM ledger_posting p
    JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.id = p.account_id
    JOIN subscription s ON s.tenant_id = a.tenant_id AND s.id = a.owner_id
    JOIN client c ON c.tenant_id = s.tenant_id AND c.id = s.client_id
    WHERE p.tenant_id = $1 AND p.entry_id = ANY($2)
"""


async def visible_entry(*, entry_id: UUID) -> VisibleEntry:
    """The entry as the current actor may see it: all of it with `ledger:read`; for a client, where
    it moves something on their own accounts.

    What it moves for other clients is not theirs to see: then only their own postings are there.
    Raises `NotFound`.
    """
    if current().actor.may("ledger:read"):
        return VisibleEntry(entry=await entry_view(entry_id=entry_id), is_whole=True)
    rows = await fetch(_CLIENTS_ACCOUNTS, current().tenant, [entry_id], current().actor.id)
    own = {row["account_id"] for row in rows if row["is_own"]}
    if not own:
        raise NotFound
    entry = await entry_view(entry_id=entry_id)
    if all(row["is_own"] for row in rows):
        return VisibleEntry(entry=entry, is_whole=True)
    postings = [posting for posting in entry.postings if posting.account_id in own]
    return VisibleEntry(entry=msgspec.structs.replace(entry, postings=postings), is_whole=False)


async def visible_entry_ids(*, entry_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these entries the current actor may open."""
    actor = current().actor
    if actor.may("ledger:read"):
        return frozenset(entry_ids)
    if not actor.may("ledger:read_own"):
        return frozenset()
    rows = await fetch(_CLIENTS_ACCOUNTS, current().tenant, list(entry_ids), actor.id)
    return frozenset(row["entry_id"] for row in rows if row["is_own"])


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


async def visible_deadline(*, deadline_id: UUID) -> DeadlineView:
    """The clock, where the current actor sees what it runs on. Raises `NotFound`."""
    view = await deadline(deadline_id=deadline_id)
    if view.subject_kind == "redemption":
        await check_visible(redemption_id=view.subject_id)
    elif current().actor.role not in SEES_ALL:
        raise NotFound
    return view
