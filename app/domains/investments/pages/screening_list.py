"""Clients by KYC and standing, and that list as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.investments.client_values import ScreeningFilter, ScreeningRow
from app.domains.investments.forms import chosen
from app.domains.investments.queries.screening import SCREENED, screened, screening_counts
from app.web.export import Sheet, amount, day, text
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

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


def _chosen(fields: Mapping[str, str], _: Viewer) -> ScreeningFilter:
    """Whose KYC ends soon, unless said otherwise. Raises `InputInvalid` for one that there is not."""
    if not fields["by"]:
        return ScreeningFilter.expiring
    return chosen(ScreeningFilter, fields["by"], field="by")


async def _count(*, chosen: ScreeningFilter, limit: int) -> int:
    return (await screening_counts())[chosen]


async def _told(chosen: ScreeningFilter) -> Mapping[str, str]:
    return {"by": chosen.value}


LIST = ListOf(
    path="/kyc",
    fields=("by",),
    sorting=SCREENED,
    chosen=_chosen,
    read=screened,
    count=_count,
    sheet=SHEET,
    told=_told,
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
        shown = await LIST.shown(request)
        page = ScreeningPage(
            rows=shown.rows,
            filter=shown.chosen,
            counts=await screening_counts(),
            listed=shown.listed,
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
        return await LIST.export(request)
