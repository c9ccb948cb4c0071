"""Redemptions, from the quote to the payout."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.schemas.holdings import DestinationOut, destination_out
from app.domains.investments.schemas.shapes import Body, Out, fixed, units
from app.domains.investments.values import (
    Allowance,
    Amounts,
    QuoteView,
    RedemptionRow,
    RedemptionView,
    Step,
)
from app.kernel.clock import utc
from app.kernel.deadlines.values import Timer
from app.kernel.money import Money, plain


class QuoteBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subscription_id: UUID
    fraction: str | None = None
    units: str | None = None
    amount: Money | None = None

    def portion(self) -> Portion:
        return Portion(fraction=self.fraction, units=self.units, amount=self.amount)


class RequestBody(QuoteBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    destination_id: UUID
    quote_id: UUID | None = None


class NoteBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: str = ""


class ReassignBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to_membership_id: UUID
    note: str


class ReadyBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source_account_id: UUID
    note: str = ""


class StepOut(Out, frozen=True, kw_only=True):
    label: str
    formula: str
    amount: str
    rounding: str


class AllowanceOut(Out, frozen=True, kw_only=True):
    """What the client may still ask for today, gross; no amounts where the product has no limits."""

    tier: str
    single: Money | None
    daily: Money | None
    left_today: Money | None
    resets_at: str


class QuoteOut(Out, frozen=True, kw_only=True):
    quote_id: UUID
    subscription_id: UUID
    units: str
    gross: Money
    early_exit_penalty: Money
    redemption_fee: Money
    net: Money
    nav_per_unit: str
    nav_at: str
    allowance: AllowanceOut
    valid_until: str
    steps: list[StepOut]


class TimerOut(Out, frozen=True, kw_only=True):
    id: UUID
    kind: str
    state: str
    started_at: str
    due_at: str
    remaining_seconds: int


class ClientOut(Out, frozen=True, kw_only=True):
    id: UUID
    name: str


class TimelineOut(Out, frozen=True, kw_only=True):
    at: str
    actor: str
    event: str
    note: str


class PayoutOut(Out, frozen=True, kw_only=True):
    reference: str | None
    state: str


class RedemptionRowOut(Out, frozen=True, kw_only=True):
    id: UUID
    reference: str
    client: ClientOut
    product: str
    units: str
    gross: Money
    early_exit_penalty: Money
    redemption_fee: Money
    net: Money
    state: str
    requested_at: str
    deadline: TimerOut | None


class RedemptionOut(Out, frozen=True, kw_only=True):
    id: UUID
    reference: str
    version: int
    subscription_id: UUID
    product_id: UUID
    client: ClientOut
    destination: DestinationOut
    units: str
    gross: Money
    early_exit_penalty: Money
    redemption_fee: Money
    net: Money
    nav_per_unit: str
    nav_at: str
    state: str
    requested_at: str
    deadlines: list[TimerOut]
    timeline: list[TimelineOut]
    steps: list[StepOut]
    approval_id: UUID
    ledger_entry_ids: list[UUID]
    payout: PayoutOut | None


def quote_out(view: QuoteView) -> QuoteOut:
    amounts = view.amounts
    return QuoteOut(
        quote_id=view.id,
        subscription_id=view.subscription_id,
        units=units(amounts.units),
        gross=_money(amounts, "gross"),
        early_exit_penalty=_money(amounts, "early_exit_penalty"),
        redemption_fee=_money(amounts, "redemption_fee"),
        net=_money(amounts, "net"),
        nav_per_unit=units(amounts.nav_per_unit),
        nav_at=utc(amounts.nav_at),
        allowance=_allowance(view.allowance),
        valid_until=utc(view.valid_until),
        steps=[_step(step) for step in view.steps],
    )


def _allowance(view: Allowance) -> AllowanceOut:
    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(fixed(amount, view.places), view.asset)

    return AllowanceOut(
        tier=view.tier.value,
        single=money(view.single),
        daily=money(view.daily),
        left_today=money(view.left_today),
        resets_at=utc(view.resets_at),
    )


def row_out(row: RedemptionRow) -> RedemptionRowOut:
    amounts = row.amounts
    return RedemptionRowOut(
        id=row.id,
        reference=row.reference,
        client=ClientOut(id=row.client_id, name=row.client_name),
        product=row.product_name,
        units=units(amounts.units),
        gross=_money(amounts, "gross"),
        early_exit_penalty=_money(amounts, "early_exit_penalty"),
        redemption_fee=_money(amounts, "redemption_fee"),
        net=_money(amounts, "net"),
        state=row.state.value,
        requested_at=utc(row.requested_at),
        deadline=None if row.timer is None else timer_out(row.timer),
    )


def redemption_out(view: RedemptionView) -> RedemptionOut:
    amounts = view.amounts
    return RedemptionOut(
        id=view.id,
        reference=view.reference,
        version=view.version,
        subscription_id=view.subscription_id,
        product_id=view.product_id,
        client=ClientOut(id=view.client_id, name=view.client_name),
        destination=destination_out(view.destination),
        units=units(amounts.units),
        gross=_money(amounts, "gross"),
        early_exit_penalty=_money(amounts, "early_exit_penalty"),
        redemption_fee=_money(amounts, "redemption_fee"),
        net=_money(amounts, "net"),
        nav_per_unit=units(amounts.nav_per_unit),
        nav_at=utc(amounts.nav_at),
        state=view.state.value,
        requested_at=utc(view.requested_at),
        deadlines=[timer_out(timer) for timer in view.deadlines],
        timeline=[
            TimelineOut(at=utc(event.at), actor=event.actor, event=event.event, note=event.note)
            for event in view.timeline
        ],
        steps=[_step(step) for step in view.steps],
        approval_id=view.approval_id,
        ledger_entry_ids=view.ledger_entry_ids,
        payout=None
        if view.payout is None
        else PayoutOut(reference=view.payout.reference, state=view.payout.state.value),
    )


def timer_out(timer: Timer) -> TimerOut:
    return TimerOut(
        id=timer.id,
        kind=timer.kind,
        state=timer.state,
        started_at=utc(timer.started_at),
        due_at=utc(timer.due_at),
        remaining_seconds=timer.remaining_seconds,
    )


def _step(step: Step) -> StepOut:
    return StepOut(
        label=step.label, formula=step.formula, amount=plain(step.amount), rounding=step.rounding
    )


def _money(amounts: Amounts, name: str) -> Money:
    return Money(fixed(getattr(amounts, name), amounts.places), amounts.asset)
