"""A redemption: its amounts and how they were computed, its steps, its payout."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domains.investments.values.holdings import Allowance, DestinationView
from app.domains.investments.values.people import ManagerOption
from app.domains.investments.values.products import CustodyAccountView, ProductKind
from app.domains.investments.values.view import View
from app.kernel.deadlines.values import Timer
from app.kernel.money import EXACT, round_half_even


class RedemptionState(StrEnum):
    pending_approval = "pending_approval"
    pending_compliance = "pending_compliance"
    approved = "approved"
    ready = "ready"
    in_transit = "in_transit"
    completed = "completed"
    rejected = "rejected"
    cancelled = "cancelled"
    payout_failed = "payout_failed"
    awaiting_client = "awaiting_client"
    on_hold = "on_hold"


class PayoutState(StrEnum):
    """`unknown`: the custodian did not answer; it is asked again before anything is sent."""

    pending = "pending"
    sent = "sent"
    unknown = "unknown"
    confirmed = "confirmed"
    refused = "refused"


class Amounts(View, frozen=True, kw_only=True):
    """What a redemption comes to. `net = gross - early_exit_penalty - redemption_fee`."""

    asset: str
    places: int  # decimals that a payout of this asset can have
    units: Decimal
    principal_redeemed: Decimal  # fixed yield only, else zero
    yield_accrued: Decimal  # fixed yield only, else zero
    gross: Decimal
    early_exit_penalty: Decimal
    redemption_fee: Decimal
    net: Decimal
    nav_per_unit: Decimal
    nav_at: datetime


class Step(View, frozen=True, kw_only=True):
    """One line of the explanation of an amount: what, how, and what came out.

    `inputs` keep what went into it and stands nowhere else once time has passed.
    """

    label: str
    formula: str
    amount: Decimal
    rounding: str
    inputs: dict[str, Decimal] = {}


class QuoteView(View, frozen=True, kw_only=True):
    id: UUID
    subscription_id: UUID
    amounts: Amounts
    steps: list[Step]
    allowance: Allowance  # before this quote is asked for
    valid_until: datetime
    remaining_seconds: int


class TimelineEvent(View, frozen=True, kw_only=True):
    at: datetime
    actor: str
    event: str  # requested, approved, ready, sent, completed, rejected, payout_failed, …
    title: str  # in words, for pages: "Requested", "Approved by Ruth Meyer"
    note: str


class PayoutView(View, frozen=True, kw_only=True):
    reference: str | None
    state: PayoutState
    reason: str


class RedemptionRow(View, frozen=True, kw_only=True):
    """One row of a queue or list."""

    id: UUID
    reference: str  # R-2026-000017
    client_id: UUID
    client_name: str
    product_name: str
    amounts: Amounts
    state: RedemptionState
    requested_at: datetime
    timer: Timer | None  # the one that runs now, or the last


class RedemptionFilter(View, frozen=True, kw_only=True):
    """Which redemptions of those that the viewer may see. `client_name` and `reference` are any part
    of theirs; `due_before` keeps those with a running clock that is due before that instant."""

    states: tuple[RedemptionState, ...] = ()
    product_id: UUID | None = None
    client_id: UUID | None = None
    client_name: str = ""
    reference: str = ""
    due_before: datetime | None = None
    requested_from: datetime | None = None
    requested_before: datetime | None = None


class RedemptionName(View, frozen=True, kw_only=True):
    """What a list of other things calls a redemption."""

    reference: str
    client_name: str
    state: RedemptionState


class RedemptionView(View, frozen=True, kw_only=True):
    """The redemption's own page, as one viewer sees it. `can` holds what this viewer may do now:
    any of approve, reject, clear, decline, cancel, accept, ready, retry_payout, hold, resume, cancel_held, reassign.
    `managers` are whom it can be reassigned to, where this viewer may; `clearance` says to whoever
    may clear it why compliance is asked."""

    id: UUID
    reference: str
    version: int
    subscription_id: UUID
    client_id: UUID
    client_name: str
    client_in_book: bool  # the viewer may open the client's own page
    rm_name: str
    product_id: UUID
    product_name: str
    product_kind: ProductKind
    amounts: Amounts
    steps: list[Step]
    state: RedemptionState
    requested_at: datetime
    destination: DestinationView
    approval_id: UUID
    deadlines: list[Timer]
    timeline: list[TimelineEvent]
    payout: PayoutView | None
    ledger_entry_ids: list[UUID]
    accounts: list[CustodyAccountView]  # empty unless the viewer may see where the assets are
    can: frozenset[str]
    clearance: str
    screened_usd: Decimal | None  # with it: what it was worth then, where a price was known
    bars: list[str]  # to who may resume it: why it cannot be while these last
    managers: list[ManagerOption]

    @property
    def timer(self) -> Timer | None:
        """The clock that matters now: the running one, else the latest."""
        running = [timer for timer in self.deadlines if timer.state in ("running", "paused")]
        return running[0] if running else (self.deadlines[-1] if self.deadlines else None)


class Screened(View, frozen=True, kw_only=True):
    """What a request's `gross` was worth when it was made: the price of one of its asset, in US
    dollars, `as_of` a real time, by its `source`."""

    gross: Decimal
    usd_price: Decimal
    as_of: datetime
    source: str

    @property
    def usd(self) -> Decimal:
        return round_half_even(EXACT.multiply(self.gross, self.usd_price), places=2)
