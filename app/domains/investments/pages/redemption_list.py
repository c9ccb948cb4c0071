"""The redemptions that the viewer may see, filtered, sorted, and taken out as a file; and a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.investments.forms import portion_of, required_id, state_filter
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.pages.redeeming import asset_of, destination_of, redeem_form
from app.domains.investments.queries.products import product_names
from app.domains.investments.queries.redemption_lists import (
    REDEMPTIONS,
    redemption_count,
    redemptions,
)
from app.domains.investments.values import ProductName, RedemptionFilter, RedemptionRow
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, NotFound
from app.web.export import Sheet, amount, instant, text
from app.web.fields import day_begins, day_ends, id_of, id_or_words, name_in
from app.web.forms import read_form, refused
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

SHEET = Sheet(
    name="redemptions",
    title="Redemptions",
    columns=[
        text("reference", lambda row: row.reference),
        text("client", lambda row: row.client_name),
        text("product", lambda row: row.product_name),
        text("state", lambda row: row.state),
        text("asset", lambda row: row.amounts.asset),
        *(
            amount(
                name,
                partial(lambda row, name: getattr(row.amounts, name), name=name),
                places=lambda row: row.amounts.places,
            )
            for name in ("gross", "early_exit_penalty", "redemption_fee", "net")
        ),
        amount("units", lambda row: row.amounts.units),
        amount("nav_per_unit", lambda row: row.amounts.nav_per_unit, "NAV per unit"),
        instant("requested_at", lambda row: row.requested_at),
        text("clock", lambda row: row.timer.kind if row.timer else None),
        text("clock_state", lambda row: row.timer.state if row.timer else None),
        instant("due_at", lambda row: row.timer.due_at if row.timer else None),
        text("id", lambda row: row.id, "Id"),
    ],
)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> RedemptionFilter:
    """A client is an id or any part of a name; days are whole days of the tenant. Raises
    `InputInvalid`."""
    zone = viewer.time_zone
    client_id, client_name = id_or_words(fields["client"])
    return RedemptionFilter(
        states=state_filter(fields["state"]),
        product_id=id_of(fields["product"], field="product"),
        client_id=client_id,
        client_name=client_name,
        reference=fields["reference"],
        due_before=day_begins(fields["due_before"], field="due_before", zone=zone),
        requested_from=day_begins(fields["requested_from"], field="requested_from", zone=zone),
        requested_before=day_ends(fields["requested_to"], field="requested_to", zone=zone),
    )


async def _told(chosen: RedemptionFilter) -> Mapping[str, str]:
    if chosen.product_id is None:
        return {}
    return {"product": name_in(await product_names(), chosen.product_id)}


LIST = ListOf(
    path="/redemptions",
    fields=(
        "state",
        "client",
        "product",
        "reference",
        "requested_from",
        "requested_to",
        "due_before",
    ),
    sorting=REDEMPTIONS,
    chosen=_chosen,
    read=redemptions,
    count=redemption_count,
    sheet=SHEET,
    told=_told,
)


class RedemptionsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[RedemptionRow]
    products: list[ProductName]
    listed: Listed


class RedemptionList(Controller):
    path = "/redemptions"

    @get("/", guards=[requires("redemption:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await LIST.shown(request)
        page = RedemptionsPage(rows=shown.rows, products=await product_names(), listed=shown.listed)
        actor = viewer_of(request).actor
        topics = {"member": f"client:{actor.id}", "rm": f"rm:{actor.id}", "trader": "settlement"}
        return Page(
            "investments/redemptions.html",
            {"page": page},
            blocks=["rows"],
            topics=[topics.get(actor.role, "redemptions")],
        )

    @post("/", guards=[requires("redemption:request")])
    @transactional(idempotent=True, moves_money=True)
    async def confirm(self, request: PortalRequest) -> Page | See:
        form = await read_form(request)
        subscription_id = required_id(form.get("subscription_id", ""))
        try:
            async with savepoint():
                redemption_id = await request_redemption(
                    subscription_id=subscription_id,
                    portion=portion_of(form, await asset_of(subscription_id)),
                    destination_id=destination_of(form),
                    quote_id=required_id(
                        form.get("quote_id", ""),
                        field="quote_id",
                        message="Ask what it comes to first, then confirm that",
                    ),
                )
        except NotFound:
            raise
        except DomainError as refusal:
            return await redeem_form(
                subscription_id, form=form, errors=refused(refusal), status=refusal.status
            )
        return See(f"/redemptions/{redemption_id}")

    @post("/export", status_code=200, guards=[requires("redemption:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LIST.export(request)
