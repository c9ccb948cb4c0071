"""What one of an asset is worth in US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from app.domains.investments.values import (
    AssetPrice,
    AssetTotal,
    PriceFilter,
    PriceReading,
    UsdPrice,
    UsdWorth,
)
from app.kernel.database import fetch, fetch_value, matching
from app.kernel.money import EXACT, ZERO, round_half_even
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

# Read every minute; so much may go wrong before nobody relies on it.
FRESH = timedelta(minutes=15)
USD_PLACES = 2
# A reading a minute and asset: one order, which an index serves.
PRICE_READINGS = Sorting(
    keys={"as_of": SortKey("as_of", "timestamptz")}, default="-as_of", tie="id"
)
_MATCHING = """
    FROM price_reading WHERE ($1 = '' OR asset = $1)
    AND ($2::timestamptz IS NULL OR as_of >= $2) AND ($3::timestamptz IS NULL OR as_of < $3)
"""
EVERY_READING = PriceFilter()


async def fresh_price(*, asset: str) -> UsdPrice | None:
    """The latest price with its source, if it is younger than `FRESH` in real time."""
    price = (await usd_prices()).get(asset)
    return None if price is None or price.is_stale else price


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
        "SELECT asset, usd, as_of, source,"
        " extract(epoch FROM clock_timestamp() - as_of)::int AS age_seconds,"
        " as_of <= clock_timestamp() - $1::interval AS is_stale FROM asset_price",
        FRESH,
    )
    return {
        row["asset"]: UsdPrice(
            usd=row["usd"],
            as_of=row["as_of"],
            source=row["source"],
            age_seconds=row["age_seconds"],
            is_stale=row["is_stale"],
        )
        for row in rows
    }


async def asset_prices(*, after: str = "", limit: int | None = None) -> list[AssetPrice]:
    """Of every asset that a product is in, by name; `after` is the last of the page before."""
    known = await usd_prices()
    rows = await fetch(
        "SELECT DISTINCT asset FROM product WHERE asset > $1 ORDER BY asset LIMIT $2", after, limit
    )
    return [AssetPrice(asset=row["asset"], price=known.get(row["asset"])) for row in rows]


async def price_readings(
    *,
    chosen: PriceFilter = EVERY_READING,
    order: Order = PRICE_READINGS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[PriceReading]:
    """What prices were, as far back as they are kept."""
    rows = await fetch(
        f"SELECT id, asset, usd, as_of, source, {order.column} {_MATCHING}"
        f" AND {order.behind(after, argument=4)} {order.clause} LIMIT $6",
        *_arguments(chosen),
        *order.arguments(after),
        limit + 1,
    )
    names = PriceReading.__struct_fields__
    found = [PriceReading(**{name: row[name] for name in names}) for row in rows[:limit]]
    return order.sliced(rows, limit=limit, rows=found)


async def price_reading_count(*, chosen: PriceFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *_arguments(chosen), limit=limit)


def _arguments(chosen: PriceFilter) -> tuple[object, ...]:
    return chosen.asset, chosen.as_of_from, chosen.as_of_before


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
