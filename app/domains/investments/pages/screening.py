"""Clients by KYC and standing; one client's, with what its viewer may record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath

from app.domains.investments.forms import chosen, day_in, required_id, version_of
from app.domains.investments.operations.client_kyc_record import record_kyc
from app.domains.investments.operations.client_standing_record import record_standing
from app.domains.investments.operations.client_tier_decide import decide_tier
from app.domains.investments.operations.client_tier_request import request_tier
from app.domains.investments.queries.screening import screening
from app.domains.investments.values import (
    ClientTier,
    KycState,
    Standing,
)
from app.kernel.approvals.values import Decision
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

PAGE_SIZE = 50
Form = dict[str, str]
Act = Callable[[UUID, Form], Awaitable[Any]]


class Screenings(Controller):
    """A relationship manager's own clients; the tenant's for operations and compliance."""

    @get("/clients/{client_id:str}/standing", guards=[requires("client:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, client_id: FromPath[str]) -> Page:
        return await _shown(required_id(client_id))

    @post("/clients/{client_id:str}/kyc", guards=[requires("client:screen")])
    @transactional(idempotent=True)
    async def kyc(self, request: PortalRequest, client_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            kyc = chosen(KycState, form.get("kyc", ""), field="kyc")
            # A day stays in the field when another state is chosen: it belongs to `passed` alone.
            text = form.get("valid_until") if kyc is KycState.passed else None
            await record_kyc(
                client_id=found,
                kyc=kyc,
                valid_until=day_in(text, field="valid_until"),
                note=form.get("note", ""),
                version=version_of(form),
            )

        return await _recorded(request, client_id, "kyc", act)

    @post("/clients/{client_id:str}/standing", guards=[requires("client:screen")])
    @transactional(idempotent=True)
    async def standing(self, request: PortalRequest, client_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            standing = chosen(Standing, form.get("standing", ""), field="standing")
            await record_standing(
                client_id=found,
                standing=standing,
                note=form.get("note", ""),
                version=version_of(form),
            )

        return await _recorded(request, client_id, "standing", act)

    @post("/clients/{client_id:str}/tier", guards=[requires("tier:request")])
    @transactional(idempotent=True)
    async def tier(self, request: PortalRequest, client_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            tier = chosen(ClientTier, form.get("tier", ""), field="tier")
            await request_tier(
                client_id=found, tier=tier, note=form.get("note", ""), version=version_of(form)
            )

        return await _recorded(request, client_id, "tier", act)

    @post("/clients/{client_id:str}/tier/approve", guards=[requires("tier:approve")])
    @transactional(idempotent=True)
    async def approve_tier(self, request: PortalRequest, client_id: FromPath[str]) -> Page | See:
        return await _recorded(request, client_id, "decide_tier", _deciding(Decision.approve))

    @post("/clients/{client_id:str}/tier/reject", guards=[requires("tier:approve")])
    @transactional(idempotent=True)
    async def reject_tier(self, request: PortalRequest, client_id: FromPath[str]) -> Page | See:
        return await _recorded(request, client_id, "decide_tier", _deciding(Decision.reject))


def _deciding(decision: Decision) -> Act:
    async def act(found: UUID, form: Form) -> None:
        await decide_tier(
            client_id=found, decision=decision, note=form.get("note", ""), version=version_of(form)
        )

    return act


async def _recorded(request: PortalRequest, client_id: str, form_name: str, act: Act) -> Page | See:
    """Do it and show the client; where it is refused, the form with what was typed and was wrong."""
    form = await read_form(request)
    found = required_id(client_id)
    try:
        async with savepoint():
            await act(found, form)
    except NotFound:
        raise
    except DomainError as refusal:
        return await _shown(
            found,
            typed={form_name: form},
            errors={form_name: refused(refusal)},
            status=refusal.status,
        )
    return See(f"/clients/{found}/standing")


async def _shown(
    client_id: UUID,
    *,
    typed: dict[str, Form] | None = None,
    errors: dict[str, list[FieldError]] | None = None,
    status: int = 200,
) -> Page:
    """`typed` and `errors` by the name of the form: there are several on the page."""
    view = await screening(client_id=client_id)
    context: dict[str, Any] = {
        "page": view,
        "typed": typed or {},
        "errors": errors or {},
        "idempotency_key": new_idempotency_key(),
    }
    return Page(
        "investments/client_standing.html",
        context,
        status=status,
        blocks=["standing"],
        topics=[f"client:{view.membership_id}"],
    )
