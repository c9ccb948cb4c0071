"""What keeps work going, over REST: jobs that failed for good, and standing in for somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.kernel.approvals.operations import delegate, revoke_delegation
from app.kernel.approvals.queries import own_delegations
from app.kernel.approvals.values import DelegationView
from app.kernel.clock import utc
from app.kernel.jobs import (
    DEAD_LETTERS,
    DeadLetter,
    DeadLetterFilter,
    JobKept,
    JobNotDead,
    dead_letters,
    discard,
    discarding,
    rerun,
)
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    cursor_id,
    envelope,
    page_in,
    page_of,
)
from app.web.fields import taken
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

# RFC 3339 with its offset: an instant without one could mean any.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class DeadLetterOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    kind: str
    payload: dict[str, Any]
    failures: int
    last_error: str
    created_at: str
    finished_at: str


class DeadLetterDetailOut(DeadLetterOut, frozen=True, kw_only=True):
    """`undone` is what stays undone when it is discarded; `kept_because`, why that is refused now."""

    undone: str
    kept_because: str | None


class DiscardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=2000)]


class DelegationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to_membership_id: UUID
    permissions: list[str]
    starts_at: Instant
    ends_at: Instant


class DelegationOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    to_membership_id: UUID
    permissions: list[str]
    starts_at: str
    ends_at: str
    revoked_at: str | None


class Jobs(Controller):
    path = "/jobs"
    tags = ["Operations"]

    @get("/dead", guards=[requires("job:read")], summary="Jobs that failed for good, latest first")
    @transactional(read_only=True)
    async def dead(
        self,
        request: PortalRequest,
        kind: FromQuery[str | None] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[DeadLetterOut]]:
        """Sorted by finished_at (the latest first, unless said otherwise), kind or failures."""
        found, page = await page_in(
            DEAD_LETTERS,
            dead_letters,
            DeadLetterFilter(kind=taken({"kind": kind}, ("kind",))["kind"] or None),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, [_dead_letter(letter) for letter in found], page=page)

    @post(
        "/{job_id:uuid}/rerun",
        status_code=200,
        guards=[requires("job:rerun")],
        refusals=[JobNotDead],
        summary="Give a dead job all its attempts again",
    )
    @transactional(idempotent=True)
    async def rerun(
        self, request: PortalRequest, job_id: FromPath[UUID]
    ) -> Envelope[list[DeadLetterOut]]:
        """Answers with what is still dead."""
        await rerun(job_id=job_id)
        return envelope(request, [_dead_letter(letter) for letter in await dead_letters()])

    @get(
        "/dead/{job_id:uuid}",
        guards=[requires("job:read")],
        summary="One job that failed for good, and what discarding it leaves undone",
    )
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, job_id: FromPath[UUID]
    ) -> Envelope[DeadLetterDetailOut]:
        found = await discarding(job_id=job_id)
        detail = DeadLetterDetailOut(
            **msgspec.structs.asdict(_dead_letter(found.letter)),
            undone=found.undone,
            kept_because=found.kept or None,
        )
        return envelope(request, detail)

    @post(
        "/{job_id:uuid}/discard",
        status_code=200,
        guards=[requires("job:discard")],
        refusals=[JobNotDead, JobKept],
        rules={"reason": ["REQUIRED", "TOO_LONG"]},
        summary="Give a dead job up, with a reason: it never runs again",
    )
    @transactional(idempotent=True)
    async def discard(
        self, request: PortalRequest, job_id: FromPath[UUID], data: JSONBody[DiscardBody]
    ) -> Envelope[list[DeadLetterOut]]:
        """Answers with what is still dead."""
        await discard(job_id=job_id, reason=data.reason)
        return envelope(request, [_dead_letter(letter) for letter in await dead_letters()])


class Delegations(Controller):
    path = "/delegations"
    tags = ["Approvals"]

    @get(
        "/",
        guards=[requires("approval:decide", "redemption:approve")],
        summary="Whom you let stand in for you",
    )
    @transactional(read_only=True)
    async def own(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[DelegationOut]]:
        found = await own_delegations(after=cursor_id(cursor), limit=limit + 1)
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [_delegation(view) for view in shown], page=page)

    @post(
        "/",
        guards=[requires("approval:decide", "redemption:approve")],
        refusals=[],
        rules={
            "permissions": ["NOT_YOURS"],
            "to_membership_id": ["YOURSELF", "UNKNOWN_MEMBER"],
            "ends_at": ["NOT_AFTER_START", "TOO_LONG"],
        },
        summary="Let somebody decide for you while you are away",
    )
    @transactional(idempotent=True)
    async def open(
        self, request: PortalRequest, data: JSONBody[DelegationBody]
    ) -> Envelope[list[DelegationOut]]:
        await delegate(
            to_membership_id=data.to_membership_id,
            permissions=data.permissions,
            starts_at=data.starts_at,
            ends_at=data.ends_at,
        )
        return envelope(request, [_delegation(view) for view in await own_delegations()])

    @post(
        "/{delegation_id:uuid}/revoke",
        status_code=200,
        guards=[requires("approval:decide", "redemption:approve")],
        refusals=[],
        summary="End it now",
    )
    @transactional(idempotent=True)
    async def revoke(
        self, request: PortalRequest, delegation_id: FromPath[UUID]
    ) -> Envelope[list[DelegationOut]]:
        await revoke_delegation(delegation_id=delegation_id)
        return envelope(request, [_delegation(view) for view in await own_delegations()])


def _dead_letter(letter: DeadLetter) -> DeadLetterOut:
    return DeadLetterOut(
        id=letter.id,
        kind=letter.kind,
        payload=letter.payload,
        failures=letter.failures,
        last_error=letter.last_error,
        created_at=utc(letter.created_at),
        finished_at=utc(letter.finished_at),
    )


def _delegation(view: DelegationView) -> DelegationOut:
    return DelegationOut(
        id=view.id,
        to_membership_id=view.to_membership_id,
        permissions=view.permissions,
        starts_at=utc(view.starts_at),
        ends_at=utc(view.ends_at),
        revoked_at=None if view.revoked_at is None else utc(view.revoked_at),
    )


ROUTES = [Jobs, Delegations]
