"""Where a client is paid to: what there is, one more, and one less."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery

from app.domains.investments.forms import destination_kind, required_id
from app.domains.investments.operations.destination_add import add_destination
from app.domains.investments.operations.destination_revoke import revoke_destination
from app.domains.investments.queries.destinations import (
    destination_page,
    own_destinations,
    payable_assets,
)
from app.domains.investments.values import DestinationKind
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.web.forms import new_idempotency_key, read_form, refuse_control_characters, refused
from app.web.guards import requires
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of


class Destinations(Controller):
    """A client's own. What is revoked stays on the list: requests were paid to it."""

    path = "/destinations"

    @get("/", guards=[requires("destination:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        rows = await own_destinations()
        # What can be used comes before what waits, and what is gone last.
        order = ["usable", "pending", "revoked"]
        return Page(
            "investments/destinations.html",
            {"rows": sorted(rows, key=lambda row: order.index(row.state))},
            blocks=["rows"],
            topics=[f"client:{viewer_of(request).actor.id}"],
        )

    @get("/new", guards=[requires("destination:write")])
    @transactional(read_only=True)
    async def form(self, request: PortalRequest, asset: FromQuery[str | None] = None) -> Page:
        refuse_control_characters(asset or "", field="asset")
        return await _form({"asset": asset or ""}, [])

    @post("/", guards=[requires("destination:write")])
    @transactional(idempotent=True)
    async def add(self, request: PortalRequest) -> Page | See:
        form = await read_form(request)
        try:
            async with savepoint():
                kind = destination_kind(form.get("kind", ""))
                await add_destination(
                    label=form.get("label", ""),
                    kind=kind,
                    asset=form.get("asset", ""),
                    # The form has the field for both kinds.
                    network=form.get("network") if kind is DestinationKind.wallet else None,
                    address=form.get("address", ""),
                )
        except NotFound:
            raise
        except DomainError as refusal:
            return await _form(form, refused(refusal), status=refusal.status)
        return See("/destinations")

    @get("/{destination_id:str}", guards=[requires("destination:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, destination_id: FromPath[str]) -> Page:
        found = required_id(destination_id)
        return Page(
            "investments/destination.html",
            {
                "page": await destination_page(destination_id=found),
                "idempotency_key": new_idempotency_key(),
            },
            blocks=["consequence"],
            topics=[f"client:{viewer_of(request).actor.id}"],
        )

    @post("/{destination_id:str}/revoke", guards=[requires("destination:write")])
    @transactional(idempotent=True)
    async def revoke(self, request: PortalRequest, destination_id: FromPath[str]) -> See:
        found: UUID = required_id(destination_id)
        try:
            async with savepoint():
                await revoke_destination(destination_id=found)
        except NotFound:
            # In another window already, perhaps: then it is as was asked for, and they see it.
            await destination_page(destination_id=found)
        return See(f"/destinations/{found}")


async def _form(form: dict[str, str], errors: list[FieldError], *, status: int = 200) -> Page:
    context = {
        "form": {name: form.get(name, "") for name in _FIELDS},
        "errors": errors,
        "assets": await payable_assets(),
        "idempotency_key": new_idempotency_key(),
    }
    return Page("investments/destination_new.html", context, status=status)


_FIELDS = ("label", "kind", "asset", "network", "address")
