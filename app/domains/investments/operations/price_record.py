"""Keep what an asset is worth in US dollars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from app.kernel.database import current, execute
from app.kernel.ids import new_id

# A reading a minute and asset: so much is enough to see where an amount in dollars came from.
KEPT = timedelta(days=90)


async def record_prices(*, prices: Sequence[tuple[str, Decimal, datetime]], source: str) -> None:
    """Keep the latest of each asset, and each reading for `KEPT`: asset, US dollars, and the real
    time it is of. `source` is whose prices they are.

    An older one changes nothing, and none counts as later than now, or a clock that is ahead would
    keep its price fresh. A reading, not a decision: no audit record, as with balances.
    """
    for asset, usd, as_of in sorted(prices):
        await execute(
            "INSERT INTO asset_price (id, tenant_id, asset, usd, as_of, source)"
            " VALUES ($1, $2, $3, $4, least($5, clock_timestamp()), $6)"
            " ON CONFLICT (tenant_id, asset) DO UPDATE"
            " SET usd = excluded.usd, as_of = excluded.as_of, source = excluded.source"
            " WHERE excluded.as_of >= asset_price.as_of",
            new_id(),
            current().tenant,
            asset,
            usd,
            as_of,
            source,
        )
        await _keep_reading(asset, usd, as_of, source)


async def _keep_reading(asset: str, usd: Decimal, as_of: datetime, source: str) -> None:
    await execute(
        "INSERT INTO price_reading (id, tenant_id, asset, usd, as_of, source)"
        " VALUES ($1, $2, $3, $4, least($5, clock_timestamp()), $6)"
        " ON CONFLICT (tenant_id, asset, as_of) DO NOTHING",
        new_id(),
        current().tenant,
        asset,
        usd,
        as_of,
        source,
    )
    await execute(
        "DELETE FROM price_reading WHERE tenant_id = $1 AND asset = $2"
        " AND as_of < clock_timestamp() - $3::interval",
        current().tenant,
        asset,
        KEPT,
    )
