"""Why compliance has to approve a redemption as well, found out when it is asked for."""

from __future__ import annotations

from decimal import Decimal

from app.domains.investments.calculations.clearance import reasons_for
from app.domains.investments.queries.prices import fresh_price
from app.domains.investments.values import Screened


async def screen_request(
    *, asset: str, gross: Decimal, earlier: int
) -> tuple[list[str], Screened | None]:
    """The rules that ask for compliance, in words; none where the manager alone decides. With them,
    what the gross is worth in US dollars, where a price is known that is fresh enough.

    `earlier` requests of the client's last 24 hours, whatever became of them: asking and taking
    back is a pattern as well. They are counted under the client's lock.
    """
    price = await fresh_price(asset=asset)
    reasons = reasons_for(
        asset=asset,
        gross=gross,
        usd_price=None if price is None else price.usd,
        requests=earlier + 1,
    )
    if price is None:
        return reasons, None
    screened = Screened(gross=gross, usd_price=price.usd, as_of=price.as_of, source=price.source)
    return reasons, screened
