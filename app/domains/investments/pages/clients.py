"""The client book, and one client with everything that is theirs."""

from __future__ import annotations

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.investments.forms import client_sort, required_id
from app.domains.investments.queries.client_book import client, clients
from app.domains.investments.queries.products import products
from app.domains.investments.values import ClientsPage
from app.web.api import cursor_id
from app.web.forms import refuse_control_characters
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50


class Clients(Controller):
    """A relationship manager's own clients; the tenant's for operations and compliance."""

    path = "/clients"

    @get("/", guards=[requires("client:read")])
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        q: FromQuery[str | None] = None,
        product: FromQuery[str | None] = None,
        sort: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        name = (q or "").strip()
        refuse_control_characters(name, field="q")
        order = client_sort(sort)
        found = await clients(
            name=name,
            product_id=required_id(product, field="product") if product else None,
            sort=order,
            after=cursor_id(cursor or None),
            limit=PAGE_SIZE + 1,
        )
        rows = found[:PAGE_SIZE]
        page = ClientsPage(
            rows=rows,
            q=name,
            product=product or None,
            sort=order,
            products=await products(),
            next_cursor=str(rows[-1].id) if len(found) > PAGE_SIZE else None,
        )
        actor = viewer_of(request).actor
        topic = f"rm:{actor.id}" if actor.role == "rm" else "redemptions"
        return Page(
            "investments/clients.html",
            {"page": page, "topic": topic},
            blocks=["rows"],
            topics=[topic],
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
