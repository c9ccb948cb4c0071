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
from app.web.export import Sheet, amount, text
from app.web.fields import id_of, name_in
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

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


def _chosen(fields: Mapping[str, str], _: Viewer) -> ClientFilter:
    """Raises `InputInvalid` for what is no product."""
    return ClientFilter(name=fields["q"], product_id=id_of(fields["product"], field="product"))


async def _told(chosen: ClientFilter) -> Mapping[str, str]:
    if chosen.product_id is None:
        return {}
    return {"product": name_in(await product_names(), chosen.product_id)}


BOOK = ListOf(
    path="/clients",
    fields=("q", "product"),
    sorting=CLIENTS,
    chosen=_chosen,
    read=clients,
    count=client_count,
    sheet=SHEET,
    told=_told,
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
        shown = await BOOK.shown(request)
        page = ClientsPage(rows=shown.rows, products=await product_names(), listed=shown.listed)
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
        return await BOOK.export(request)

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
