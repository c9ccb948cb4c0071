"""Why compliance has to approve a redemption as well, found out when it is asked for."""

from __future__ import annotations

from decimal import Decimal

from app.domains.investments.calculations.clearance import reasons_for
from app.domains.investments.queries.prices import fresh_usd_price


async def clearance_reasons(*, asset: str, gross: Decimal, earlier: int) -> list[str]:
    """The rules that ask for compliance, in words; none where the manager alone decides.

    `earlier` requests of the client's last 24 hours, whatever became of them: asking and taking
    back is a pattern as well. They are counted under the client's lock.
    """
    return reasons_for(
        asset=asset,
        gross=gross,
        usd_price=await fresh_usd_price(asset=asset),
        requests=earlier + 1,
    )
