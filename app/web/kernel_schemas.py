"""What the REST interface over the kernel takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.kernel.approvals.values import ApprovalView, Decision
from app.kernel.clock import ADVANCE_SECONDS_MAX
from app.kernel.deadlines.values import DeadlineView
from app.kernel.ledger.values import AccountView, EntryView, StatementLine
from app.kernel.money import Money, plain


class AccountOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    book_id: UUID
    owner_id: UUID | None
    kind: str
    name: str
    balance: Money


class BalanceOut(msgspec.Struct, frozen=True, kw_only=True):
    account_id: UUID
    balance: Money
    as_of: date | None
    known_at: datetime | None


class StatementLineOut(msgspec.Struct, frozen=True, kw_only=True):
    """One posting: a debit is positive, a credit negative. `balance` is what was on the account
    after it."""

    entry_id: UUID
    operation: str
    narrative: str
    effective_on: date
    recorded_at: datetime
    amount: Money
    balance: Money


def statement_line_out(account: AccountView, line: StatementLine) -> StatementLineOut:
    return StatementLineOut(
        entry_id=line.entry_id,
        operation=line.operation,
        narrative=line.narrative,
        effective_on=line.effective_on,
        recorded_at=line.recorded_at,
        amount=Money(plain(line.amount), account.asset),
        balance=Money(plain(line.balance), account.asset),
    )


class PostingOut(msgspec.Struct, frozen=True, kw_only=True):
    """A debit is positive, a credit negative."""

    account_id: UUID
    account_name: str
    account_kind: str
    amount: Money


class EntryOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    book_id: UUID
    operation: str
    subject_kind: str
    subject_id: UUID
    effective_on: date
    recorded_at: datetime
    narrative: str
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    postings: list[PostingOut]


def entry_out(view: EntryView) -> EntryOut:
    return EntryOut(
        id=view.id,
        book_id=view.book_id,
        operation=view.operation,
        subject_kind=view.subject_kind,
        subject_id=view.subject_id,
        effective_on=view.effective_on,
        recorded_at=view.recorded_at,
        narrative=view.narrative,
        reverses_id=view.reverses_id,
        reversed_by_id=view.reversed_by_id,
        postings=[
            PostingOut(
                account_id=posting.account_id,
                account_name=posting.account_name,
                account_kind=posting.account_kind,
                amount=Money(plain(posting.amount), posting.asset),
            )
            for posting in view.postings
        ],
    )


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    decision: Decision
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class DecisionOut(msgspec.Struct, frozen=True, kw_only=True):
    membership_id: UUID
    name: str
    stage: int
    decision: str
    note: str
    decided_at: datetime


class ApprovalOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    subject_kind: str
    subject_id: UUID
    state: str
    stage: int
    stages: list[str]
    requested_by: UUID | None
    requested_at: datetime
    decided_at: datetime | None
    decisions: list[DecisionOut]


def approval_out(view: ApprovalView) -> ApprovalOut:
    return ApprovalOut(
        id=view.id,
        subject_kind=view.subject_kind,
        subject_id=view.subject_id,
        state=view.state.value,
        stage=view.stage,
        stages=[stage.name for stage in view.stages],
        requested_by=view.requested_by,
        requested_at=view.requested_at,
        decided_at=view.decided_at,
        decisions=[
            msgspec.convert(one, DecisionOut, from_attributes=True) for one in view.decisions
        ],
    )


class DeadlineOut(msgspec.Struct, frozen=True, kw_only=True):
    """`remaining_seconds` is negative when late, and frozen once the clock has stopped. `outcome`
    is what it was stopped for, met or cancelled: a breach keeps its state. `pending_approval_id`
    is that of a change which was proposed and waits for a decision."""

    id: UUID
    kind: str
    subject_kind: str
    subject_id: UUID
    state: str
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    outcome: str | None
    remaining_seconds: int
    total_seconds: int
    pending_approval_id: UUID | None


def deadline_out(view: DeadlineView) -> DeadlineOut:
    timer = view.timer
    return DeadlineOut(
        id=timer.id,
        kind=timer.kind,
        subject_kind=view.subject_kind,
        subject_id=view.subject_id,
        state=timer.state,
        started_at=timer.started_at,
        due_at=timer.due_at,
        stopped_at=timer.stopped_at,
        outcome=timer.outcome,
        remaining_seconds=timer.remaining_seconds,
        total_seconds=timer.total_seconds,
        pending_approval_id=view.pending_approval_id,
    )


class AuditReportOut(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    records: int
    checkpoints: int
    first_break: str | None


class InvariantOut(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    ok: bool
    violations: list[dict[str, Any]]


class ClockBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    advance_seconds: Annotated[int, msgspec.Meta(ge=1, le=ADVANCE_SECONDS_MAX)]


class ClockOut(msgspec.Struct, frozen=True, kw_only=True):
    now: datetime
