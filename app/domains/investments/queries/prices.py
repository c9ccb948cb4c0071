"""What one of an asset is worth in US dollars."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.kernel.database import fetch_value

# Read every minute; so much may go wrong before nobody relies on it.
FRESH = timedelta(minutes=15)


async def fresh_usd_price(*, asset: str) -> Decimal | None:
    """The latest price, if it is younger than `FRESH` in real time; else nothing is known."""
    price: Decimal | None = await fetch_value(
        "SELECT usd FROM asset_price WHERE asset = $1 AND as_of > clock_timestamp() - $2::interval",
        asset,
        FRESH,
    )
    return price
