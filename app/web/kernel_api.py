"""REST over the kernel: ledger, approvals, deadlines, audit, invariants, and the demo's clock."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.domains.investments.operations.redemption_clock_change import NotOnHold
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.queries.positions import PriceMissing
from app.domains.investments.queries.row_scope import visible_entry, visible_redemption_ids
from app.kernel.approvals.operations import (
    AlreadyDecided,
    ApprovalClosed,
    NotYourDecision,
    OwnRequest,
    decide,
)
from app.kernel.approvals.queries import approval, approvals
from app.kernel.approvals.values import ApprovalState
from app.kernel.audit.queries import records
from app.kernel.audit.values import AuditRecordView
from app.kernel.audit.verification import verify_audit
from app.kernel.clock import advance_clock
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.deadlines import DeadlineMoved, DeadlineNotRunning, DeadlineState, deadlines
from app.kernel.errors import InputInvalid, NotFound
from app.kernel.invariants import verify_tenant
from app.kernel.ledger.queries import accounts, balance, balances
from app.kernel.money import ZERO, Money, plain
from app.settings import settings
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    cursor_id,
    envelope,
    in_utc,
    page_of,
)
from app.web.etags import tagged
from app.web.guards import requires
from app.web.kernel_schemas import (
    AccountOut,
    ApprovalOut,
    AuditReportOut,
    BalanceOut,
    ClockBody,
    ClockOut,
    DeadlineOut,
    DecisionBody,
    EntryOut,
    InvariantOut,
    approval_out,
    deadline_out,
    entry_out,
)
from app.web.paging import cursor_of, position_of
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

_INSTANT = ["NO_TIME_ZONE", "OUT_OF_RANGE"]


class Ledger(Controller):
    path = "/ledger"
    tags = ["Ledger"]

    @get("/accounts", guards=[requires("ledger:read")], summary="Accounts with their balances")
    @transactional(read_only=True)
    async def accounts(
        self,
        request: PortalRequest,
        owner: FromQuery[UUID | None] = None,
        book: FromQuery[UUID | None] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[AccountOut]]:
        """In the order of their ids."""
        found = await accounts(
            book_id=book, owner_id=owner, after=cursor_id(cursor), limit=limit + 1
        )
        shown, page = page_of(found, limit, lambda view: view.id)
        held = await balances(account_ids=[view.id for view in shown])
        data = [
            AccountOut(
                id=view.id,
                book_id=view.book_id,
                owner_id=view.owner_id,
                kind=view.kind,
                name=view.name,
                balance=Money(plain(held.get(view.id, ZERO)), view.asset),
            )
            for view in shown
        ]
        return envelope(request, data, page=page)

    @get(
        "/accounts/{account_id:uuid}/balance",
        guards=[requires("ledger:read")],
        rules={"known_at": _INSTANT},
        summary="A balance as of a date, as it was known at a time",
    )
    @transactional(read_only=True)
    async def balance(
        self,
        request: PortalRequest,
        account_id: FromPath[UUID],
        as_of: FromQuery[date | None] = None,
        known_at: FromQuery[datetime | None] = None,
    ) -> Envelope[BalanceOut]:
        known_at = _zoned(known_at, field="known_at")
        amount = await balance(account_id=account_id, as_of=as_of, known_at=known_at)
        asset = await fetch_value("SELECT asset FROM ledger_account WHERE id = $1", account_id)
        found = BalanceOut(
            account_id=account_id,
            balance=Money(plain(amount), asset),
            as_of=as_of,
            known_at=known_at,
        )
        return envelope(request, found)

    @get(
        "/entries/{entry_id:uuid}",
        guards=[requires("ledger:read", "ledger:read_own")],
        summary="One entry; a member sees those on their own accounts",
    )
    @transactional(read_only=True)
    async def entry(self, request: PortalRequest, entry_id: FromPath[UUID]) -> Envelope[EntryOut]:
        """Of an entry that moves something for several clients, a member sees their own part."""
        return envelope(request, entry_out((await visible_entry(entry_id=entry_id)).entry))


class Approvals(Controller):
    path = "/approvals"
    tags = ["Approvals"]

    @get("/", guards=[requires("approval:read")], summary="Approvals, newest first")
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: Annotated[ApprovalState | None, QueryParameter(name="state")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[ApprovalOut]]:
        """A relationship manager sees those that wait for them, or did."""
        found = await approvals(
            state=in_state,
            approver=_named(viewer_of(request)),
            after=cursor_id(cursor),
            limit=limit + 1,
        )
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [approval_out(view) for view in shown], page=page)

    @get("/{approval_id:uuid}", guards=[requires("approval:read")], summary="One approval")
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, approval_id: FromPath[UUID]
    ) -> Envelope[ApprovalOut]:
        """As in the list: a relationship manager sees those that name them."""
        found = await approvals(
            approval_id=approval_id, approver=_named(viewer_of(request)), limit=1
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


@get("/deadlines", guards=[requires("deadline:read")], summary="Timers, the first due first")
@transactional(read_only=True)
async def all_deadlines(
    request: PortalRequest,
    in_state: Annotated[DeadlineState | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Envelope[list[DeadlineOut]]:
    """Those of the redemptions that one sees: a relationship manager their own clients', a trader
    what is approved."""
    found = await deadlines(
        states=[in_state] if in_state else [],
        subject_ids=await visible_redemption_ids(),
        after=position_of(cursor),
        limit=limit + 1,
    )
    shown, page = page_of(found, limit, lambda view: cursor_of(view.timer.due_at, view.timer.id))
    return envelope(request, [deadline_out(view) for view in shown], page=page)


class Audit(Controller):
    path = "/audit"
    tags = ["Audit"]

    @get(
        "/",
        guards=[requires("audit:read")],
        rules={"from": _INSTANT, "to": _INSTANT},
        summary="Audit records, newest first",
    )
    @transactional(read_only=True)
    async def search(
        self,
        request: PortalRequest,
        subject: FromQuery[UUID | None] = None,
        actor: FromQuery[UUID | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[AuditRecordView]]:
        found = await records(
            subject_id=subject,
            actor_id=actor,
            recorded_from=_zoned(since, field="from"),
            recorded_before=_zoned(until, field="to"),
            before_id=cursor_id(cursor),
            limit=limit + 1,
        )
        shown, page = page_of(found, limit, lambda record: record.id)
        return envelope(request, list(shown), page=page)

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


def _zoned(instant: datetime | None, *, field: str) -> datetime | None:
    if instant is not None and instant.tzinfo is None:
        raise InputInvalid.of(field, "NO_TIME_ZONE", "Write an instant with its zone, such as …Z")
    return in_utc(instant, field=field)


ROUTES: list[Any] = [
    Ledger,
    Approvals,
    all_deadlines,
    Audit,
    verify_invariants,
    move_clock,
]
