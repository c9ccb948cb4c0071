"""What the desks do to a redemption: relationship manager, compliance, trader, operations."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from app.domains.investments.api.redemptions import shown, unchanged
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.redemption_approve import (
    clear_redemption,
    decide_redemption,
)
from app.domains.investments.operations.redemption_hold import (
    DestinationRevoked,
    StillBlocked,
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_ready import (
    ApproverSettles,
    StagingTooLow,
    mark_ready,
)
from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.queries.positions import PriceMissing
from app.domains.investments.schemas.redemptions import (
    NoteBody,
    ReadyBody,
    ReassignBody,
    RedemptionOut,
)
from app.kernel.approvals.operations import (
    AlreadyDecided,
    ApprovalClosed,
    NotYourDecision,
    OwnRequest,
)
from app.kernel.approvals.values import Decision
from app.web.api import Envelope
from app.web.etags import IfMatch
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

NOTE = {"note": ["REQUIRED", "TOO_LONG"]}


class RedemptionSteps(Controller):
    path = "/investments/redemptions"
    tags = ["Redemptions"]

    @post(
        "/{redemption_id:uuid}/approve",
        status_code=200,
        guards=[requires("redemption:approve")],
        refusals=[WrongState, OwnRequest, NotYourDecision, PriceMissing],
        rules={"note": ["TOO_LONG"]},
        summary="Approve; the 36 hours begin",
    )
    @transactional(idempotent=True, moves_money=True)
    async def approve(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody | None] = None,
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await decide_redemption(
                redemption_id=redemption_id,
                decision=Decision.approve,
                note=data.note if data else "",
                version=version,
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/reject",
        status_code=200,
        guards=[requires("redemption:approve")],
        refusals=[WrongState, OwnRequest, NotYourDecision],
        rules=NOTE,
        summary="Reject, with a note",
    )
    @transactional(idempotent=True, moves_money=True)
    async def reject(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await decide_redemption(
                redemption_id=redemption_id,
                decision=Decision.reject,
                note=data.note,
                version=version,
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/clear",
        status_code=200,
        guards=[requires("redemption:clear")],
        refusals=[WrongState, OwnRequest, NotYourDecision, AlreadyDecided, PriceMissing],
        rules={"note": ["TOO_LONG"]},
        summary="Compliance clears it, after the manager's approval; the 36 hours begin",
    )
    @transactional(idempotent=True, moves_money=True)
    async def clear(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody | None] = None,
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await clear_redemption(
                redemption_id=redemption_id,
                decision=Decision.approve,
                note=data.note if data else "",
                version=version,
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/decline",
        status_code=200,
        guards=[requires("redemption:clear")],
        refusals=[WrongState, OwnRequest, NotYourDecision, AlreadyDecided],
        rules=NOTE,
        summary="Compliance declines it, with a note; the units come back",
    )
    @transactional(idempotent=True, moves_money=True)
    async def decline(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await clear_redemption(
                redemption_id=redemption_id,
                decision=Decision.reject,
                note=data.note,
                version=version,
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/ready",
        status_code=200,
        guards=[requires("redemption:settle")],
        refusals=[WrongState, ApproverSettles, StagingTooLow],
        rules={"source_account_id": ["NOT_A_STAGING_VAULT"], "note": ["TOO_LONG"]},
        summary="The assets are in the staging vault; the payout follows",
    )
    @transactional(idempotent=True, moves_money=True)
    async def ready(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[ReadyBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await mark_ready(
                redemption_id=redemption_id,
                source_account_id=data.source_account_id,
                note=data.note,
                version=version,
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/retry-payout",
        status_code=200,
        guards=[requires("redemption:retry")],
        refusals=[WrongState],
        summary="Send a refused payout again",
    )
    @transactional(idempotent=True, moves_money=True)
    async def retry(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await retry_payout(redemption_id=redemption_id, version=version)
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/hold",
        status_code=200,
        guards=[requires("redemption:hold")],
        refusals=[WrongState],
        rules=NOTE,
        summary="Hold it until it is resumed or cancelled; its clocks run on",
    )
    @transactional(idempotent=True, moves_money=True)
    async def hold(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await hold_redemption(redemption_id=redemption_id, note=data.note, version=version)
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/resume",
        status_code=200,
        guards=[requires("redemption:hold")],
        refusals=[WrongState, DestinationRevoked, StillBlocked],
        rules=NOTE,
        summary="Let a held redemption go on from where it was",
    )
    @transactional(idempotent=True, moves_money=True)
    async def resume(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await resume_redemption(redemption_id=redemption_id, note=data.note, version=version)
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/cancel-held",
        status_code=200,
        guards=[requires("redemption:hold")],
        refusals=[WrongState],
        rules=NOTE,
        summary="Give a held redemption up; the units come back",
    )
    @transactional(idempotent=True, moves_money=True)
    async def cancel_held(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[NoteBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await cancel_held_redemption(
                redemption_id=redemption_id, note=data.note, version=version
            )
        return await shown(request, redemption_id)

    @post(
        "/{redemption_id:uuid}/reassign",
        status_code=200,
        guards=[requires("approval:reassign")],
        refusals=[WrongState, ApprovalClosed],
        rules=NOTE | {"to_membership_id": ["NOT_A_MANAGER"]},
        summary="Give the request to another relationship manager",
    )
    @transactional(idempotent=True, moves_money=True)
    async def reassign(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        data: JSONBody[ReassignBody],
        if_match: IfMatch = None,
    ) -> Envelope[RedemptionOut]:
        with unchanged(if_match) as version:
            await reassign_redemption(
                redemption_id=redemption_id,
                to_membership_id=data.to_membership_id,
                note=data.note,
                version=version,
            )
        return await shown(request, redemption_id)
