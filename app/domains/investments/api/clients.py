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
from app.domains.investments.forms import client_sort
from app.domains.investments.queries.client_book import client, clients
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    cursor_id,
    envelope,
    page_of,
)
from app.web.forms import refuse_control_characters
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Clients(Controller):
    path = "/investments/clients"
    tags = ["Clients"]

    @get(
        "/",
        guards=[requires("client:read")],
        rules={"sort": ["UNKNOWN_SORT"]},
        summary="The client book, with what each holds",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        q: FromQuery[str | None] = None,
        product_id: FromQuery[UUID | None] = None,
        sort: FromQuery[str | None] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[ClientRowOut]]:
        """A relationship manager's own clients, the tenant's for operations and compliance. `q` is
        any part of a name; `sort` is `name`, or `worth` for the largest in US dollars first.
        """
        name = (q or "").strip()
        refuse_control_characters(name, field="q")
        found = await clients(
            name=name,
            product_id=product_id,
            sort=client_sort(sort),
            after=cursor_id(cursor),
            limit=limit + 1,
        )
        shown, page = page_of(found, limit, lambda row: row.id)
        return envelope(request, [client_row_out(row) for row in shown], page=page)

    @get("/{client_id:uuid}", guards=[requires("client:read")], summary="One client")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, client_id: FromPath[UUID]
    ) -> Envelope[ClientDetailOut]:
        """What they hold, where they are paid to, their latest requests, and how they stand."""
        found = await client(client_id=client_id)
        return envelope(request, client_detail_out(found))
