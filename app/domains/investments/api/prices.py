"""Prices in US dollars over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.params import FromQuery, QueryParameter

from app.domains.investments.queries.prices import PRICE_READINGS, asset_prices, price_readings
from app.domains.investments.values import AssetPrice, PriceFilter
from app.kernel.clock import utc
from app.kernel.money import plain
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    in_utc,
    page_in,
    page_of,
)
from app.web.fields import taken
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class PriceOut(msgspec.Struct, frozen=True, kw_only=True):
    """Of one of `asset`, in US dollars; null where there is none yet. `age_seconds` in real time;
    `is_stale`: older than anybody relies on."""

    asset: str
    usd: str | None
    as_of: str | None
    source: str | None
    age_seconds: int | None
    is_stale: bool


class PriceReadingOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    asset: str
    usd: str
    as_of: str
    source: str


class Prices(Controller):
    path = "/investments/prices"
    tags = ["Prices"]

    @get("/", guards=[requires("price:read")], summary="The latest price of every asset")
    @transactional(read_only=True)
    async def latest(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[PriceOut]]:
        after = taken({"cursor": cursor}, ("cursor",))["cursor"]
        found = await asset_prices(after=after, limit=limit + 1)
        shown, page = page_of(found, limit, lambda one: one.asset)
        return envelope(request, [_price_out(one) for one in shown], page=page)

    @get(
        "/readings",
        guards=[requires("price:read")],
        rules={"from": ["OUT_OF_RANGE"], "to": ["OUT_OF_RANGE"]},
        summary="What prices were, the latest first",
    )
    @transactional(read_only=True)
    async def readings(
        self,
        request: PortalRequest,
        asset: FromQuery[str | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[PriceReadingOut]]:
        """`from` and `to` are what they are of. Sorted by as_of."""
        found, page = await page_in(
            PRICE_READINGS,
            price_readings,
            PriceFilter(
                asset=taken({"asset": asset}, ("asset",))["asset"],
                as_of_from=in_utc(since, field="from"),
                as_of_before=in_utc(until, field="to"),
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        rows = [
            PriceReadingOut(
                id=row.id,
                asset=row.asset,
                usd=plain(row.usd),
                as_of=utc(row.as_of),
                source=row.source,
            )
            for row in found
        ]
        return envelope(request, rows, page=page)


def _price_out(one: AssetPrice) -> PriceOut:
    price = one.price
    return PriceOut(
        asset=one.asset,
        usd=plain(price.usd) if price else None,
        as_of=utc(price.as_of) if price else None,
        source=price.source if price else None,
        age_seconds=price.age_seconds if price else None,
        is_stale=price is None or price.is_stale,
    )
