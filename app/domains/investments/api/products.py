"""Products, their NAV, and the custody accounts of their risk units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from app.domains.investments.queries.products import custody_accounts, nav_history, products
from app.domains.investments.schemas.products import (
    AccountOut,
    NavOut,
    ProductOut,
    account_out,
    nav_out,
    product_out,
)
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    cursor_id,
    envelope,
    in_utc,
    page_of,
)
from app.web.guards import requires
from app.web.paging import cursor_of, position_of
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Products(Controller):
    path = "/investments"
    tags = ["Investments"]

    @get("/products", guards=[requires("product:read")], summary="Products with terms and NAV")
    @transactional(read_only=True)
    async def all(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[ProductOut]]:
        found = await products(after=cursor_id(cursor), limit=limit + 1)
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [product_out(view) for view in shown], page=page)

    @get("/products/{product_id:uuid}", guards=[requires("product:read")], summary="One product")
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, product_id: FromPath[UUID]) -> Envelope[ProductOut]:
        found = await products(product_id=product_id)
        return envelope(request, product_out(found[0]))

    @get(
        "/products/{product_id:uuid}/nav",
        guards=[requires("product:read")],
        rules={"from": ["OUT_OF_RANGE"], "to": ["OUT_OF_RANGE"]},
        summary="Published NAV per unit, oldest first",
    )
    @transactional(read_only=True)
    async def nav(
        self,
        request: PortalRequest,
        product_id: FromPath[UUID],
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[NavOut]]:
        position = position_of(cursor)
        points = await nav_history(
            product_id=product_id,
            since=in_utc(since, field="from"),
            until=in_utc(until, field="to"),
            after=position and position[0],
            limit=limit + 1,
        )
        shown, page = page_of(points, limit, lambda point: cursor_of(point.as_of, product_id))
        return envelope(request, [nav_out(point) for point in shown], page=page)

    @get(
        "/accounts",
        guards=[requires("custody:read")],
        summary="Vaults and venues: read, expected, reserved and free",
    )
    @transactional(read_only=True)
    async def accounts(
        self,
        request: PortalRequest,
        product_id: FromQuery[UUID | None] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[AccountOut]]:
        found = await custody_accounts(
            product_id=product_id, after=cursor_id(cursor), limit=limit + 1
        )
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [account_out(view) for view in shown], page=page)
