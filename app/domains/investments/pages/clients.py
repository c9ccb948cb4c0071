"""The client book, and one client with everything that is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath
from litestar.response import Stream

from app.domains.investments.client_values import ClientRow
from app.domains.investments.forms import required_id
from app.domains.investments.queries.client_book import (
    CLIENTS,
    ClientFilter,
    client,
    client_count,
    clients,
)
from app.domains.investments.queries.products import product_names
from app.domains.investments.values import ProductName
from app.kernel.money import plain
from app.web.export import Sheet, amount, export_of, text
from app.web.forms import read_form
from app.web.guards import requires
from app.web.listing import (
    COUNTED_MAX,
    PAGE_SIZE,
    Listed,
    fields_of,
    id_of,
    listed,
    name_in,
    taken,
)
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

FIELDS = ("q", "product")
SHEET = Sheet(
    name="clients",
    title="Clients",
    columns=[
        text("name", lambda row: row.name, "Client"),
        text("relationship_manager", lambda row: row.rm_name),
        amount("subscriptions", lambda row: row.subscriptions),
        # Unlike things are never added up.
        text(
            "holdings",
            lambda row: "; ".join(f"{plain(one.value)} {one.asset}" for one in row.totals),
            "Worth today",
        ),
        amount(
            "worth_usd",
            lambda row: row.worth.usd if row.worth else None,
            "In US dollars",
            places=lambda row: 2,
        ),
        text(
            "worth_usd_is_old",
            lambda row: "yes" if row.worth and row.worth.is_stale else "no",
            "At an old price",
        ),
        amount("redemptions_open", lambda row: row.redemptions_open, "Open requests"),
        text("id", lambda row: row.id, "Id"),
    ],
)


class ClientsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[ClientRow]
    products: list[ProductName]
    listed: Listed


class Clients(Controller):
    """A relationship manager's own clients; the tenant's for operations and compliance."""

    path = "/clients"

    @get("/", guards=[requires("client:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        fields = fields_of(request, FIELDS)
        order = CLIENTS.order(fields["sort"])
        chosen = _chosen(fields)
        rows = await clients(
            chosen=chosen, order=order, after=order.place(fields["cursor"] or None), limit=PAGE_SIZE
        )
        products = await product_names()
        page = ClientsPage(
            rows=rows,
            products=products,
            listed=listed(
                path="/clients",
                fields=fields,
                order=order,
                default=CLIENTS.default,
                rows=rows,
                total=await client_count(chosen=chosen, limit=COUNTED_MAX + 1),
                names={"product": name_in(products, chosen.product_id)},
            ),
        )
        actor = viewer_of(request).actor
        topic = f"rm:{actor.id}" if actor.role == "rm" else "redemptions"
        return Page(
            "investments/clients.html",
            {"page": page, "topic": topic},
            blocks=["rows"],
            topics=[topic],
        )

    @post("/export", status_code=200, guards=[requires("client:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every client of the filter, not of the page, in the order of the page."""
        form = await read_form(request)
        fields = taken(form, FIELDS)
        order = CLIENTS.order(form.get("sort"))
        chosen = _chosen(fields)

        async def tell() -> Mapping[str, str]:
            if chosen.product_id is None:
                return {}
            return {"product": name_in(await product_names(), chosen.product_id)}

        return await export_of(
            request,
            SHEET,
            read=lambda after, limit: clients(chosen=chosen, order=order, after=after, limit=limit),
            sort=order.text,
            form=form,
            filters=fields,
            tell=tell,
        )

    @get("/{client_id:str}", guards=[requires("client:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, client_id: FromPath[str]) -> Page:
        view = await client(client_id=required_id(client_id))
        return Page(
            "investments/client.html",
            {"page": view},
            blocks=["client"],
            topics=[f"client:{view.membership_id}"],
        )


def _chosen(fields: Mapping[str, str]) -> ClientFilter:
    """Raises `InputInvalid` for what is no product."""
    return ClientFilter(name=fields["q"], product_id=id_of(fields["product"], field="product"))
