"""One product: its NAV over time, and what it is."""

from __future__ import annotations

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.investments.forms import chosen, required_id
from app.domains.investments.queries.nav_chart import Span, product_page
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Products(Controller):
    @get("/products/{product_id:str}", guards=[requires("product:read")])
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, product_id: FromPath[str], span: FromQuery[str] = "year"
    ) -> Page:
        page = await product_page(
            product_id=required_id(product_id), span=chosen(Span, span, field="span")
        )
        return Page("investments/product.html", {"page": page, "spans": list(Span)})
