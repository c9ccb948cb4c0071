"""Where the assets are, as a file."""

from __future__ import annotations

from operator import attrgetter

from litestar import Controller, post
from litestar.response import Stream

from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.values import CustodyAccountView
from app.kernel.sorting import Place, Slice
from app.web.export import Sheet, amount, export_of, instant, text
from app.web.forms import read_form
from app.web.guards import requires
from app.web.viewer import PortalRequest

SHEET = Sheet(
    name="balances",
    title="Balances by account",
    columns=[
        text("name", lambda row: row.name, "Account"),
        text("product", lambda row: row.product_name),
        text("kind", lambda row: row.kind),
        text("asset", lambda row: row.asset),
        *(
            amount(name, attrgetter(name), places=lambda row: row.places)
            for name in ("balance", "expected", "difference", "reserved", "free")
        ),
        instant("read_at", lambda row: row.read_at),
        amount("age_seconds", lambda row: row.age_seconds, "Age in seconds"),
        text("id", lambda row: row.id, "Id"),
    ],
)


class Balances(Controller):
    path = "/settlement/balances"

    @post("/export", status_code=200, guards=[requires("custody:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every vault and venue, as the settlement desk shows them."""
        form = await read_form(request)

        async def read(after: Place | None, limit: int) -> Slice[CustodyAccountView]:
            found = await custody_accounts(after=after.id if after else None, limit=limit + 1)
            rows = found[:limit]
            return Slice(rows, Place("", rows[-1].id) if len(found) > limit else None)

        return await export_of(request, SHEET, read=read, sort="product", form=form, filters={})
