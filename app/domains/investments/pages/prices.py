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
from app.web.export import Sheet, amount, export_of, instant, text
from app.web.forms import read_form
from app.web.guards import requires
from app.web.listing import (
    COUNTED_MAX,
    PAGE_SIZE,
    Listed,
    day_begins,
    day_ends,
    fields_of,
    listed,
    taken,
)
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

FIELDS = ("asset", "from", "to")
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


class PricesPage(msgspec.Struct, frozen=True, kw_only=True):
    latest: list[AssetPrice]
    rows: Sequence[PriceReading]
    listed: Listed


class Prices(Controller):
    path = "/prices"

    @get("/", guards=[requires("price:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        fields = fields_of(request, FIELDS)
        order = PRICE_READINGS.order(fields["sort"])
        chosen = _chosen(fields, viewer_of(request))
        rows = await price_readings(
            chosen=chosen, order=order, after=order.place(fields["cursor"] or None), limit=PAGE_SIZE
        )
        page = PricesPage(
            latest=await asset_prices(),
            rows=rows,
            listed=listed(
                path="/prices",
                fields=fields,
                order=order,
                default=PRICE_READINGS.default,
                rows=rows,
                total=await price_reading_count(chosen=chosen, limit=COUNTED_MAX + 1),
            ),
        )
        return Page("investments/prices.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("price:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every reading of the filter, not of the page, in the order of the page."""
        form = await read_form(request)
        fields = taken(form, FIELDS)
        order = PRICE_READINGS.order(form.get("sort"))
        chosen = _chosen(fields, viewer_of(request))
        return await export_of(
            request,
            SHEET,
            read=lambda after, limit: price_readings(
                chosen=chosen, order=order, after=after, limit=limit
            ),
            sort=order.text,
            form=form,
            filters=fields,
        )


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> PriceFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    return PriceFilter(
        asset=fields["asset"],
        as_of_from=day_begins(fields["from"], field="from", zone=viewer.time_zone),
        as_of_before=day_ends(fields["to"], field="to", zone=viewer.time_zone),
    )
