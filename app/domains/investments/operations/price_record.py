"""Keep what an asset is worth in US dollars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from app.kernel.database import current, execute
from app.kernel.ids import new_id


async def record_prices(*, prices: Sequence[tuple[str, Decimal, datetime]]) -> None:
    """Keep the latest of each asset: asset, US dollars, and the real time it is of.

    An older one changes nothing, and none counts as later than now, or a clock that is ahead would
    keep its price fresh. A reading, not a decision: no audit record, as with balances.
    """
    for asset, usd, as_of in sorted(prices):
        await execute(
            "INSERT INTO asset_price (id, tenant_id, asset, usd, as_of)"
            " VALUES ($1, $2, $3, $4, least($5, clock_timestamp()))"
            " ON CONFLICT (tenant_id, asset) DO UPDATE"
            " SET usd = excluded.usd, as_of = excluded.as_of"
            " WHERE excluded.as_of >= asset_price.as_of",
            new_id(),
            current().tenant,
            asset,
            usd,
            as_of,
        )
