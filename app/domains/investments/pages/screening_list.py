"""Clients by KYC and standing, and that list as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.investments.client_values import ScreeningFilter, ScreeningRow
from app.domains.investments.forms import chosen
from app.domains.investments.queries.screening import SCREENED, screened, screening_counts
from app.web.export import Sheet, amount, day, export_of, text
from app.web.forms import read_form
from app.web.guards import requires
from app.web.listing import PAGE_SIZE, Listed, fields_of, listed, taken
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

FIELDS = ("by",)
SHEET = Sheet(
    name="kyc",
    title="KYC and standing",
    columns=[
        text("name", lambda row: row.name, "Client"),
        text("relationship_manager", lambda row: row.rm_name),
        text("kyc", lambda row: row.screening.kyc, "KYC"),
        day("kyc_last_day", lambda row: row.screening.kyc_last_day, "Good through"),
        text("standing", lambda row: row.screening.standing),
        text("tier", lambda row: row.screening.tier),
        amount("redemptions_open", lambda row: row.redemptions_open, "Open requests"),
        amount("on_hold", lambda row: row.on_hold),
        text("id", lambda row: row.id, "Id"),
    ],
)


class ScreeningPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[ScreeningRow]
    filter: ScreeningFilter
    counts: dict[ScreeningFilter, int]
    listed: Listed


class ScreeningList(Controller):
    """A relationship manager's own clients; the tenant's for operations and compliance."""

    path = "/kyc"

    @get("/", guards=[requires("client:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        fields = fields_of(request, FIELDS)
        order = SCREENED.order(fields["sort"])
        by = _filter(fields)
        rows = await screened(
            by=by, order=order, after=order.place(fields["cursor"] or None), limit=PAGE_SIZE
        )
        counts = await screening_counts()
        page = ScreeningPage(
            rows=rows,
            filter=by,
            counts=counts,
            listed=listed(
                path="/kyc",
                fields=fields,
                order=order,
                default=SCREENED.default,
                rows=rows,
                total=counts[by],
            ),
        )
        actor = viewer_of(request).actor
        topic = f"rm:{actor.id}" if actor.role == "rm" else "redemptions"
        return Page(
            "investments/kyc.html",
            {"page": page, "topic": topic},
            blocks=["rows"],
            topics=[topic],
        )

    @post("/export", status_code=200, guards=[requires("client:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every client that the filter finds, not of the page, in the order of the page."""
        form = await read_form(request)
        fields = taken(form, FIELDS)
        order = SCREENED.order(form.get("sort"))
        by = _filter(fields)
        return await export_of(
            request,
            SHEET,
            read=lambda after, limit: screened(by=by, order=order, after=after, limit=limit),
            sort=order.text,
            form=form,
            filters={"by": by.value},
        )


def _filter(fields: Mapping[str, str]) -> ScreeningFilter:
    """Raises `InputInvalid` for one that there is not."""
    if not fields["by"]:
        return ScreeningFilter.expiring
    return chosen(ScreeningFilter, fields["by"], field="by")
