"""What one of each asset is worth in US dollars: now, by whom, how old that is, and before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.investments.queries.prices import (
    PRICE_READINGS,
    asset_prices,
    price_reading_count,
    price_readings,
)
from app.domains.investments.values import AssetPrice, PriceFilter, PriceReading
from app.web.export import Sheet, amount, instant, text
from app.web.fields import day_begins, day_ends
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer

SHEET = Sheet(
    name="prices",
    title="Prices in US dollars",
    columns=[
        instant("as_of", lambda row: row.as_of, "Of"),
        text("asset", lambda row: row.asset),
        amount("usd", lambda row: row.usd, "US dollars"),
        text("source", lambda row: row.source),
        text("id", lambda row: row.id, "Id"),
    ],
)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> PriceFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    return PriceFilter(
        asset=fields["asset"],
        as_of_from=day_begins(fields["from"], field="from", zone=viewer.time_zone),
        as_of_before=day_ends(fields["to"], field="to", zone=viewer.time_zone),
    )


READINGS = ListOf(
    path="/prices",
    fields=("asset", "from", "to"),
    sorting=PRICE_READINGS,
    chosen=_chosen,
    read=price_readings,
    count=price_reading_count,
    sheet=SHEET,
)


class PricesPage(msgspec.Struct, frozen=True, kw_only=True):
    latest: list[AssetPrice]
    rows: Sequence[PriceReading]
    listed: Listed


class Prices(Controller):
    path = "/prices"

    @get("/", guards=[requires("price:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await READINGS.shown(request)
        page = PricesPage(latest=await asset_prices(), rows=shown.rows, listed=shown.listed)
        return Page("investments/prices.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("price:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await READINGS.export(request)
