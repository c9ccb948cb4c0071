"""The client book over REST: the same queries as its pages."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.investments.client_schemas import (
    ClientDetailOut,
    ClientRowOut,
    client_detail_out,
    client_row_out,
)
from app.domains.investments.queries.client_book import CLIENTS, ClientFilter, client, clients
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    page_in,
)
from app.web.fields import taken
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Clients(Controller):
    path = "/investments/clients"
    tags = ["Clients"]

    @get(
        "/",
        guards=[requires("client:read")],
        summary="The client book, with what each holds",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        q: FromQuery[str | None] = None,
        product_id: FromQuery[UUID | None] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[ClientRowOut]]:
        """A relationship manager's own clients, the tenant's for operations and compliance. `q` is
        any part of a name. Sorted by name (unless said otherwise), worth in US dollars, or open, which
        is how many of their requests are.
        """
        found, page = await page_in(
            CLIENTS,
            clients,
            ClientFilter(name=taken({"q": q}, ("q",))["q"], product_id=product_id),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, [client_row_out(row) for row in found], page=page)

    @get("/{client_id:uuid}", guards=[requires("client:read")], summary="One client")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, client_id: FromPath[UUID]
    ) -> Envelope[ClientDetailOut]:
        """What they hold, where they are paid to, their latest requests, and how they stand."""
        found = await client(client_id=client_id)
        return envelope(request, client_detail_out(found))
