"""Clients' KYC, standing and tier over REST: the same operations as their pages."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domains.investments.api.redemptions import unchanged
from app.domains.investments.client_values import ScreeningFilter
from app.domains.investments.forms import day_in
from app.domains.investments.operations.client_kyc_record import record_kyc
from app.domains.investments.operations.client_standing_record import record_standing
from app.domains.investments.operations.client_tier_request import (
    TierChangePending,
    request_tier,
)
from app.domains.investments.queries.screening import SCREENED, screened, screening
from app.domains.investments.screening_schemas import (
    KycBody,
    ScreeningOut,
    ScreeningRowOut,
    StandingBody,
    TierBody,
    screening_out,
    screening_row_out,
)
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    page_in,
)
from app.web.etags import IfMatch
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

NOTE = {"note": ["REQUIRED", "TOO_LONG"]}


class Screening(Controller):
    path = "/investments"
    tags = ["Clients"]

    @get(
        "/kyc",
        guards=[requires("client:read")],
        summary="Clients by KYC and standing, whose KYC ends first on top",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        by: Annotated[ScreeningFilter, QueryParameter()] = ScreeningFilter.expiring,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[ScreeningRowOut]]:
        """`expiring`: passed, and ending within 30 days; `barred`: deceased or sanctioned. A
        relationship manager's own clients, the tenant's for operations and compliance. Sorted by
        kyc_expires_at (unless said otherwise) or name."""
        found, page = await page_in(SCREENED, screened, by, sort=sort, cursor=cursor, limit=limit)
        return envelope(request, [screening_row_out(row) for row in found], page=page)

    @get(
        "/clients/{client_id:uuid}/standing",
        guards=[requires("client:read")],
        summary="One client's KYC, standing and tier",
    )
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, client_id: FromPath[UUID]
    ) -> Envelope[ScreeningOut]:
        return await _shown(request, client_id)

    @post(
        "/clients/{client_id:uuid}/kyc",
        status_code=200,
        guards=[requires("client:screen")],
        refusals=[],
        rules=NOTE
        | {"kyc": ["UNKNOWN"]}
        | {"valid_until": ["REQUIRED", "NOT_A_DAY", "OUT_OF_RANGE", "NOT_PASSED"]},
        summary="Record what a client's KYC came to, and its last day",
    )
    @transactional(idempotent=True)
    async def kyc(
        self,
        request: PortalRequest,
        client_id: FromPath[UUID],
        data: JSONBody[KycBody],
        if_match: IfMatch = None,
    ) -> Envelope[ScreeningOut]:
        with unchanged(if_match) as version:
            await record_kyc(
                client_id=client_id,
                kyc=data.kyc,
                valid_until=day_in(data.valid_until, field="valid_until"),
                note=data.note,
                version=version,
            )
        return await _shown(request, client_id)

    @post(
        "/clients/{client_id:uuid}/standing",
        status_code=200,
        guards=[requires("client:screen")],
        refusals=[],
        rules=NOTE,
        summary="Record that a client has died, is sanctioned, or is in good standing",
    )
    @transactional(idempotent=True)
    async def standing(
        self,
        request: PortalRequest,
        client_id: FromPath[UUID],
        data: JSONBody[StandingBody],
        if_match: IfMatch = None,
    ) -> Envelope[ScreeningOut]:
        with unchanged(if_match) as version:
            await record_standing(
                client_id=client_id, standing=data.standing, note=data.note, version=version
            )
        return await _shown(request, client_id)

    @post(
        "/clients/{client_id:uuid}/tier",
        status_code=200,
        guards=[requires("tier:request")],
        refusals=[TierChangePending],
        rules=NOTE | {"tier": ["SAME_TIER"]},
        summary="Ask for another tier of a client; compliance decides on the approval",
    )
    @transactional(idempotent=True)
    async def tier(
        self,
        request: PortalRequest,
        client_id: FromPath[UUID],
        data: JSONBody[TierBody],
        if_match: IfMatch = None,
    ) -> Envelope[ScreeningOut]:
        with unchanged(if_match) as version:
            await request_tier(client_id=client_id, tier=data.tier, note=data.note, version=version)
        return await _shown(request, client_id)


async def _shown(request: PortalRequest, client_id: UUID) -> Envelope[ScreeningOut]:
    return envelope(request, screening_out(await screening(client_id=client_id)))
