"""What the API takes and gives, as api documents show it: amounts are strings, money names its
currency, instants are RFC 3339 in UTC.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec

from app.domains.investments.desk_values import DestinationPage
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.values import (
    Allowance,
    Amounts,
    CustodyAccountView,
    DestinationView,
    NavPoint,
    ProductView,
    QuoteView,
    RedemptionRow,
    RedemptionView,
    Step,
    SubscriptionView,
)
from app.kernel.clock import utc
from app.kernel.deadlines.values import Timer
from app.kernel.money import Money, plain


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends: a field that we do not know is a mistake, and said to be one."""


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


class DestinationBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: str
    kind: str
    asset: str
    address: str
    network: str | None = None


class DepositBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_id: UUID
    staging_account_id: UUID
    amount: str
    transaction_reference: str


class SubscriptionBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    deposit_id: UUID
    term_months: Annotated[int, msgspec.Meta(ge=1, le=1200)]


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What we answer with."""


class Identified(Out, frozen=True, kw_only=True):
    id: UUID


class TermOut(Out, frozen=True, kw_only=True):
    months: int
    apy: str
    penalty_rate: str


class TierLimitOut(Out, frozen=True, kw_only=True):
    """Gross: of one redemption, and of a client's redemptions of one day in the product's zone."""

    tier: str
    single: Money
    daily: Money


class ProductOut(Out, frozen=True, kw_only=True):
    id: UUID
    name: str
    kind: str
    asset: str
    state: str
    time_zone: str
    cutoff: str
    minimum: Money
    maximum: Money
    redemption_fee_rate: str
    entry_fee_rate: str
    terms: list[TermOut]
    limits: list[TierLimitOut]
    nav_per_unit: str | None
    nav_at: str | None


class NavOut(Out, frozen=True, kw_only=True):
    nav_per_unit: str
    as_of: str


class SubscriptionOut(Out, frozen=True, kw_only=True):
    """`units` are free to redeem, and worth `free_value`. Principal, yield and value are of all that
    is held: those, and `units_locked`, which are in open requests."""

    id: UUID
    product_id: UUID
    client_id: UUID
    term_months: int
    principal: Money
    units: str
    units_locked: str
    accrued_yield: Money
    value: Money
    free_value: Money
    nav_per_unit: str
    nav_at: str
    activated_on: str
    matures_on: str
    state: str


class DestinationOut(Out, frozen=True, kw_only=True):
    id: UUID
    label: str
    kind: str
    asset: str
    network: str | None
    address_masked: str
    state: str
    usable_from: str


class RevocationOut(Out, frozen=True, kw_only=True):
    """`would_hold` are the open requests that revoking it puts on hold; `would_be_paid` were sent
    already, and are paid all the same.
    """

    would_hold: list[UUID]
    would_be_paid: list[UUID]


class AccountOut(Out, frozen=True, kw_only=True):
    id: UUID
    product_id: UUID
    kind: str
    name: str
    asset: str
    balance: Money | None
    expected: Money
    reserved: Money
    free: Money
    read_at: str | None


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


def product_out(view: ProductView) -> ProductOut:
    return ProductOut(
        id=view.id,
        name=view.name,
        kind=view.kind.value,
        asset=view.asset,
        state=view.state.value,
        time_zone=view.time_zone,
        cutoff=view.cutoff,
        minimum=Money(_fixed(view.minimum, view.places), view.asset),
        maximum=Money(_fixed(view.maximum, view.places), view.asset),
        redemption_fee_rate=_short(view.redemption_fee_rate),
        entry_fee_rate=_short(view.entry_fee_rate),
        terms=[
            TermOut(
                months=term.months, apy=_short(term.apy), penalty_rate=_short(term.penalty_rate)
            )
            for term in view.terms
        ],
        limits=[
            TierLimitOut(
                tier=limit.tier.value,
                single=Money(_fixed(limit.single, view.places), view.asset),
                daily=Money(_fixed(limit.daily, view.places), view.asset),
            )
            for limit in view.limits
        ],
        nav_per_unit=None if view.nav_per_unit is None else _units(view.nav_per_unit),
        nav_at=None if view.nav_at is None else utc(view.nav_at),
    )


def nav_out(point: NavPoint) -> NavOut:
    return NavOut(nav_per_unit=_units(point.nav_per_unit), as_of=utc(point.as_of))


def subscription_out(view: SubscriptionView) -> SubscriptionOut:
    return SubscriptionOut(
        id=view.id,
        product_id=view.product_id,
        client_id=view.client_id,
        term_months=view.term_months,
        principal=Money(_fixed(view.principal, view.places), view.asset),
        units=_units(view.units),
        units_locked=_units(view.units_locked),
        accrued_yield=Money(_fixed(view.accrued_yield, view.places), view.asset),
        value=Money(_fixed(view.value, view.places), view.asset),
        free_value=Money(_fixed(view.free_value, view.places), view.asset),
        nav_per_unit=_units(view.nav_per_unit),
        nav_at=utc(view.nav_at),
        activated_on=view.activated_on.isoformat(),
        matures_on=view.matures_on.isoformat(),
        state=view.state.value,
    )


def destination_out(view: DestinationView) -> DestinationOut:
    return DestinationOut(
        id=view.id,
        label=view.label,
        kind=view.kind.value,
        asset=view.asset,
        network=view.network,
        address_masked=view.address_masked,
        state=view.state.value,
        usable_from=utc(view.usable_from),
    )


def revocation_out(page: DestinationPage) -> RevocationOut:
    return RevocationOut(
        would_hold=[row.id for row in page.would_hold],
        would_be_paid=[row.id for row in page.would_be_paid],
    )


def account_out(view: CustodyAccountView) -> AccountOut:
    return AccountOut(
        id=view.id,
        product_id=view.product_id,
        kind=view.kind.value,
        name=view.name,
        asset=view.asset,
        balance=None
        if view.balance is None
        else Money(_fixed(view.balance, view.places), view.asset),
        expected=Money(_fixed(view.expected, view.places), view.asset),
        reserved=Money(_fixed(view.reserved, view.places), view.asset),
        free=Money(_fixed(view.free, view.places), view.asset),
        read_at=None if view.read_at is None else utc(view.read_at),
    )


def quote_out(view: QuoteView) -> QuoteOut:
    amounts = view.amounts
    return QuoteOut(
        quote_id=view.id,
        subscription_id=view.subscription_id,
        units=_units(amounts.units),
        gross=_money(amounts, "gross"),
        early_exit_penalty=_money(amounts, "early_exit_penalty"),
        redemption_fee=_money(amounts, "redemption_fee"),
        net=_money(amounts, "net"),
        nav_per_unit=_units(amounts.nav_per_unit),
        nav_at=utc(amounts.nav_at),
        allowance=_allowance(view.allowance),
        valid_until=utc(view.valid_until),
        steps=[_step(step) for step in view.steps],
    )


def _allowance(view: Allowance) -> AllowanceOut:
    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(_fixed(amount, view.places), view.asset)

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
        units=_units(amounts.units),
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
        units=_units(amounts.units),
        gross=_money(amounts, "gross"),
        early_exit_penalty=_money(amounts, "early_exit_penalty"),
        redemption_fee=_money(amounts, "redemption_fee"),
        net=_money(amounts, "net"),
        nav_per_unit=_units(amounts.nav_per_unit),
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
    return Money(_fixed(getattr(amounts, name), amounts.places), amounts.asset)


def _fixed(amount: object, places: int) -> str:
    """With the asset's own decimals: what is stored has eighteen."""
    return f"{amount:.{places}f}"


def _units(amount: object) -> str:
    return f"{amount:.8f}"


def _short(rate: object) -> str:
    """A rate without the zeros behind it."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
