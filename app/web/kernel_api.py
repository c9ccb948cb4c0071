"""REST over the kernel: approvals, deadlines, audit, invariants, and the demo's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.domains.investments.operations.redemption_clock_change import NotOnHold
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.queries.positions import PriceMissing
from app.domains.investments.queries.row_scope import visible_redemption_ids
from app.kernel.approvals.operations import (
    AlreadyDecided,
    ApprovalClosed,
    NotYourDecision,
    OwnRequest,
    decide,
)
from app.kernel.approvals.queries import APPROVALS, ApprovalFilter, approval, approvals
from app.kernel.approvals.values import ApprovalState
from app.kernel.audit.queries import AUDIT_RECORDS, AuditFilter, records
from app.kernel.audit.values import AuditRecordView
from app.kernel.audit.verification import verify_audit
from app.kernel.clock import advance_clock
from app.kernel.database import unit_of_work
from app.kernel.deadlines import (
    DEADLINES,
    DeadlineFilter,
    DeadlineMoved,
    DeadlineNotRunning,
    DeadlineState,
    deadlines,
)
from app.kernel.errors import NotFound
from app.kernel.invariants import verify_tenant
from app.settings import settings
from app.web.api import (
    INSTANT_RULES,
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    page_in,
    zoned,
)
from app.web.etags import tagged
from app.web.fields import taken
from app.web.guards import requires
from app.web.kernel_schemas import (
    ApprovalOut,
    AuditReportOut,
    ClockBody,
    ClockOut,
    DeadlineOut,
    DecisionBody,
    InvariantOut,
    approval_out,
    deadline_out,
)
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of


class Approvals(Controller):
    path = "/approvals"
    tags = ["Approvals"]

    @get(
        "/",
        guards=[requires("approval:read")],
        rules={"requested_from": INSTANT_RULES, "requested_before": INSTANT_RULES},
        summary="Requests for approval",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: Annotated[ApprovalState | None, QueryParameter(name="state")] = None,
        since: Annotated[datetime | None, QueryParameter(name="requested_from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="requested_before")] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[ApprovalOut]]:
        """A relationship manager sees those that wait for them, or did. Sorted by requested_at (the
        latest first, unless said otherwise), decided_at or state."""
        shown, page = await page_in(
            APPROVALS,
            approvals,
            ApprovalFilter(
                state=in_state,
                approver=_named(viewer_of(request)),
                requested_from=zoned(since, field="requested_from"),
                requested_before=zoned(until, field="requested_before"),
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, [approval_out(view) for view in shown], page=page)

    @get("/{approval_id:uuid}", guards=[requires("approval:read")], summary="One approval")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, approval_id: FromPath[UUID]
    ) -> Envelope[ApprovalOut]:
        """As in the list: a relationship manager sees those that name them."""
        found = await approvals(
            chosen=ApprovalFilter(approval_id=approval_id, approver=_named(viewer_of(request)))
        )
        if not found:
            raise NotFound
        return envelope(request, approval_out(found[0]))

    @post(
        "/{approval_id:uuid}/decisions",
        status_code=200,
        guards=[requires("approval:decide", "deadline:decide", "redemption:approve")],
        refusals=[
            WrongState,
            ApprovalClosed,
            AlreadyDecided,
            NotYourDecision,
            OwnRequest,
            PriceMissing,
            DeadlineNotRunning,
            DeadlineMoved,
            NotOnHold,
        ],
        rules={"note": ["REQUIRED", "TOO_LONG"]},
        summary="Approve or reject, where the policy names you",
    )
    @transactional(idempotent=True, moves_money=True)
    async def decide(
        self, request: PortalRequest, approval_id: FromPath[UUID], data: JSONBody[DecisionBody]
    ) -> Envelope[ApprovalOut]:
        await decide(approval_id=approval_id, decision=data.decision, note=data.note)
        return envelope(request, approval_out(await approval(approval_id=approval_id)))


@get(
    "/deadlines",
    guards=[requires("deadline:read")],
    rules={"due_from": INSTANT_RULES, "due_before": INSTANT_RULES},
    summary="Timers",
)
@transactional(read_only=True)
async def all_deadlines(
    request: PortalRequest,
    in_state: Annotated[DeadlineState | None, QueryParameter(name="state")] = None,
    kind: FromQuery[str | None] = None,
    since: Annotated[datetime | None, QueryParameter(name="due_from")] = None,
    until: Annotated[datetime | None, QueryParameter(name="due_before")] = None,
    change_proposed: FromQuery[bool] = False,
    sort: Sort = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Envelope[list[DeadlineOut]]:
    """Those of the redemptions that one sees: a relationship manager their own clients', a trader
    what is approved. `change_proposed` keeps those of which a change waits for a decision. Sorted
    by due_at (unless said otherwise), started_at, kind or state."""
    found, page = await page_in(
        DEADLINES,
        deadlines,
        DeadlineFilter(
            states=(in_state,) if in_state else (),
            kind=taken({"kind": kind}, ("kind",))["kind"] or None,
            subject_ids=await visible_redemption_ids(),
            due_from=zoned(since, field="due_from"),
            due_before=zoned(until, field="due_before"),
            has_proposal=change_proposed,
        ),
        sort=sort,
        cursor=cursor,
        limit=limit,
    )
    return envelope(request, [deadline_out(view) for view in found], page=page)


class Audit(Controller):
    path = "/audit"
    tags = ["Audit"]

    @get(
        "/",
        guards=[requires("audit:read")],
        rules={"from": INSTANT_RULES, "to": INSTANT_RULES},
        summary="Audit records",
    )
    @transactional(read_only=True)
    async def search(
        self,
        request: PortalRequest,
        subject: FromQuery[UUID | None] = None,
        actor: FromQuery[UUID | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        action: FromQuery[str | None] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[AuditRecordView]]:
        """`action` is what theirs begins with. Sorted by recorded_at, the latest first unless said
        otherwise."""
        found, page = await page_in(
            AUDIT_RECORDS,
            records,
            AuditFilter(
                subject_id=subject,
                actor_id=actor,
                action=taken({"action": action}, ("action",))["action"],
                recorded_from=zoned(since, field="from"),
                recorded_before=zoned(until, field="to"),
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, list(found), page=page)

    @get("/verify", guards=[requires("audit:read")], summary="Recompute the whole audit chain")
    async def verify(self, request: PortalRequest) -> Response[Envelope[AuditReportOut]]:
        """Opens units of work of its own, one a part of the chain: it may be long."""
        viewer = viewer_of(request)
        report = await verify_audit(tenant_id=viewer.tenant.id)
        found = AuditReportOut(
            ok=report.ok,
            records=report.records,
            checkpoints=report.checkpoints,
            first_break=report.first_break,
        )
        async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, read_only=True):
            return tagged(request, envelope(request, found))


@get("/verify", guards=[requires("verify:read")], summary="Whether every invariant holds")
async def verify_invariants(request: PortalRequest) -> Response[Envelope[list[InvariantOut]]]:
    viewer = viewer_of(request)
    results = await verify_tenant(tenant_id=viewer.tenant.id)
    found = [
        InvariantOut(name=result.name, ok=result.ok, violations=result.violations)
        for result in results
    ]
    async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, read_only=True):
        return tagged(request, envelope(request, found))


@post(
    "/demo/clock",
    status_code=200,
    guards=[requires("clock:move")],
    refusals=[NotFound],
    rules={"advance_seconds": ["OUT_OF_RANGE"]},
    summary="Move business time forward (demo and test only)",
)
@transactional(idempotent=True)
async def move_clock(request: PortalRequest, data: JSONBody[ClockBody]) -> Envelope[ClockOut]:
    if not settings().may_move_clock:
        raise NotFound
    now = await advance_clock(seconds=data.advance_seconds)
    return envelope(request, ClockOut(now=now))


def _named(viewer: Viewer) -> UUID | None:
    """Whom an approval must name for this viewer to see it; nobody for those who see all."""
    return viewer.actor.id if viewer.actor.role == "rm" else None


ROUTES: list[Any] = [
    Approvals,
    all_deadlines,
    Audit,
    verify_invariants,
    move_clock,
]
