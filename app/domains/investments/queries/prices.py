"""What one of an asset is worth in US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from app.domains.investments.values import AssetTotal, UsdPrice, UsdWorth
from app.kernel.database import fetch, fetch_value
from app.kernel.money import EXACT, ZERO, round_half_even

# Read every minute; so much may go wrong before nobody relies on it.
FRESH = timedelta(minutes=15)
USD_PLACES = 2


async def fresh_usd_price(*, asset: str) -> Decimal | None:
    """The latest price, if it is younger than `FRESH` in real time; else nothing is known."""
    price: Decimal | None = await fetch_value(
        "SELECT usd FROM asset_price WHERE asset = $1 AND as_of > clock_timestamp() - $2::interval",
        asset,
        FRESH,
    )
    return price


async def usd_prices() -> dict[str, UsdPrice]:
    """The latest price of every asset that has one, however old: its age is shown with it."""
    rows = await fetch(
        "SELECT asset, usd, as_of, source, extract(epoch FROM clock_timestamp() - as_of)::int AS age_seconds"
        " FROM asset_price"
    )
    return {
        row["asset"]: UsdPrice(
            usd=row["usd"],
            as_of=row["as_of"],
            source=row["source"],
            age_seconds=row["age_seconds"],
            is_stale=row["age_seconds"] > FRESH.total_seconds(),
        )
        for row in rows
    }


def usd_worth(totals: Sequence[AssetTotal], prices: Mapping[str, UsdPrice]) -> UsdWorth | None:
    """The totals together in US dollars, to the cent; nothing where an asset has no price."""
    used = [prices.get(total.asset) for total in totals]
    if any(price is None for price in used):
        return None
    known = [price for price in used if price is not None]
    usd = sum(
        (
            EXACT.multiply(total.value, price.usd)
            for total, price in zip(totals, known, strict=True)
        ),
        ZERO,
    )
    return UsdWorth(
        usd=round_half_even(usd, places=USD_PLACES),
        is_stale=any(price.is_stale for price in known),
    )
