"""What things are worth in US dollars, and sums by asset."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.domains.investments.values.view import View


class AssetTotal(View, frozen=True, kw_only=True):
    asset: str
    places: int
    value: Decimal
    gained: Decimal


class UsdPrice(View, frozen=True, kw_only=True):
    """Of one of an asset, as its `source` gave it for `as_of`, in real time. `is_stale`: older than
    anybody relies on."""

    usd: Decimal
    as_of: datetime
    source: str
    age_seconds: int
    is_stale: bool


class AssetPrice(View, frozen=True, kw_only=True):
    """The latest of an asset that a product is in; none where there is none yet."""

    asset: str
    price: UsdPrice | None


class PriceReading(View, frozen=True, kw_only=True):
    """One of an asset was worth `usd` at `as_of`, in real time, by its `source`."""

    id: UUID
    asset: str
    usd: Decimal
    as_of: datetime
    source: str


class PriceFilter(View, frozen=True, kw_only=True):
    asset: str = ""
    as_of_from: datetime | None = None
    as_of_before: datetime | None = None


class UsdWorth(View, frozen=True, kw_only=True):
    usd: Decimal
    is_stale: bool  # a price behind it is
