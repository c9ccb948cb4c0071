"""Why compliance has to approve a redemption as well, found out when it is asked for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.domains.investments.calculations.clearance import reasons_for
from app.domains.investments.queries.positions import Position
from app.domains.investments.queries.prices import fresh_usd_price
from app.kernel.database import current, fetch_value

VELOCITY_SPAN = timedelta(hours=24)


async def clearance_reasons(*, position: Position, gross: Decimal) -> list[str]:
    """The rules that ask for compliance, in words; none where the manager alone decides.

    Whatever became of them, requests count: asking and taking back is a pattern as well.
    """
    # Two requests of one client at once, from two subscriptions: the later counts the earlier.
    client_id = position.subscription["client_id"]
    await fetch_value("SELECT id FROM client WHERE id = $1 FOR NO KEY UPDATE", client_id)
    earlier: int = await fetch_value(
        "SELECT count(*) FROM redemption WHERE client_id = $1 AND requested_at > $2",
        client_id,
        current().now - VELOCITY_SPAN,
    )
    asset = position.subscription["asset"]
    return reasons_for(
        asset=asset,
        gross=gross,
        usd_price=await fresh_usd_price(asset=asset),
        requests=earlier + 1,
    )
