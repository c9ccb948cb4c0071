"""Where a client can be paid to, and what hangs on each."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.domains.investments.desk_values import DestinationPage
from app.domains.investments.policy import OPEN_STATES, STEPS
from app.domains.investments.queries.destination_view import destination_view
from app.domains.investments.queries.redemption_lists import queue
from app.domains.investments.values import DestinationView, PayableAsset, RedemptionState
from app.kernel.database import current, fetch
from app.kernel.errors import NotFound


async def own_destination(*, destination_id: UUID) -> DestinationView:
    """One of the current client's; raises `NotFound` for any other."""
    found = await own_destinations(destination_id=destination_id)
    if not found:
        raise NotFound
    return found[0]


async def own_destinations(
    *,
    asset: str | None = None,
    destination_id: UUID | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[DestinationView]:
    """The current client's destinations, of one asset if named, in the order they were added.

    `after` is the last one of the page before.
    """
    unit = current()
    rows = await fetch(
        "SELECT d.* FROM destination d JOIN client c ON c.id = d.client_id"
        " WHERE c.membership_id = $1 AND ($2::text IS NULL OR d.asset = $2)"
        " AND ($3::uuid IS NULL OR d.id = $3) AND ($4::uuid IS NULL OR d.id > $4)"
        " ORDER BY d.id LIMIT $5",
        unit.actor.id,
        asset,
        destination_id,
        after,
        limit,
    )
    return [destination_view(row) for row in rows]


async def destination_page(*, destination_id: UUID) -> DestinationPage:
    """One of the current client's, with its open requests; raises `NotFound` for any other."""
    destination = await own_destination(destination_id=destination_id)
    holdable = STEPS["hold"][0]
    rows = await fetch(
        "SELECT id FROM redemption WHERE destination_id = $1 AND state = ANY($2)",
        destination_id,
        [state.value for state in OPEN_STATES],
    )
    open_ids = [row["id"] for row in rows]
    sent = [RedemptionState.in_transit]
    return DestinationPage(
        destination=destination,
        would_hold=await queue(states=sorted(holdable), only=open_ids) if open_ids else [],
        would_be_paid=await queue(states=sent, only=open_ids) if open_ids else [],
    )


async def payable_assets() -> list[PayableAsset]:
    """What a destination can be for."""
    rows = await fetch(
        "SELECT asset, array_agg(DISTINCT network ORDER BY network) AS networks FROM product"
        " GROUP BY asset ORDER BY asset"
    )
    return [PayableAsset(asset=row["asset"], networks=row["networks"]) for row in rows]


async def unpayable_assets(*, assets: Sequence[str]) -> list[str]:
    """Those of them for which the current client has nowhere to be paid to, nor will soon."""
    rows = await fetch(
        "SELECT wanted.asset FROM unnest($2::text[]) AS wanted (asset) WHERE NOT EXISTS ("
        "  SELECT FROM destination d JOIN client c ON c.id = d.client_id"
        "  WHERE c.membership_id = $1 AND d.asset = wanted.asset AND d.revoked_at IS NULL)"
        " ORDER BY wanted.asset",
        current().actor.id,
        list(assets),
    )
    return [row["asset"] for row in rows]


async def destinations_of(*, client_id: UUID) -> list[DestinationView]:
    """One client's destinations; the caller knows whose they are."""
    rows = await fetch("SELECT * FROM destination WHERE client_id = $1 ORDER BY id", client_id)
    return [destination_view(row) for row in rows]
