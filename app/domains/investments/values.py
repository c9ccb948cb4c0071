"""The structs and enums of investment products. Frozen; amounts are `Decimal`, in the asset named
beside them; what pages and the API show is made from these and nothing else.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.kernel.deadlines.values import Timer
from app.kernel.money import EXACT, round_half_even


class ProductKind(StrEnum):
    fixed_yield = "fixed_yield"
    nav_units = "nav_units"


class ProductState(StrEnum):
    draft = "draft"
    active = "active"
    suspended = "suspended"
    liquidating = "liquidating"
    closed = "closed"


class DepositState(StrEnum):
    confirmed = "confirmed"
    subscribed = "subscribed"


class SubscriptionState(StrEnum):
    active = "active"
    redeemed_early = "redeemed_early"
    paid = "paid"


class DestinationKind(StrEnum):
    wallet = "wallet"
    bank = "bank"


class DestinationState(StrEnum):
    pending = "pending"
    usable = "usable"
    revoked = "revoked"


class CustodyKind(StrEnum):
    staging_vault = "staging_vault"
    investment_vault = "investment_vault"
    venue = "venue"


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


class ClientTier(StrEnum):
    standard = "standard"
    premier = "premier"
    institutional = "institutional"


class TierChangeState(StrEnum):
    pending = "pending"
    approved = "approved"
    rejected = "rejected"


class KycState(StrEnum):
    """`pending`: nobody has recorded a check yet. `passed` ends by itself, at its expiry."""

    pending = "pending"
    passed = "passed"
    lapsed = "lapsed"
    refused = "refused"


class Standing(StrEnum):
    good = "good"
    deceased = "deceased"
    sanctioned = "sanctioned"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one page or answer shows."""


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


class SubscriptionView(View, frozen=True, kw_only=True):
    """Principal, yield, value and gain are today's of all units held, free and locked, before penalty
    and fee. What was struck is a debt to the client and no longer held."""

    id: UUID
    product_id: UUID
    product_name: str
    product_kind: ProductKind
    client_id: UUID
    client_name: str
    asset: str
    places: int
    term_months: int
    apy: Decimal
    principal: Decimal
    units: Decimal  # free to redeem
    units_locked: Decimal  # in a request that is not struck yet
    accrued_yield: Decimal
    value: Decimal
    gained: Decimal
    free_value: Decimal  # of the free units
    nav_per_unit: Decimal
    nav_at: datetime
    activated_on: date
    matures_on: date
    state: SubscriptionState

    @property
    def units_held(self) -> Decimal:
        return self.units + self.units_locked


class DestinationView(View, frozen=True, kw_only=True):
    id: UUID
    label: str
    kind: DestinationKind
    asset: str
    network: str | None
    address_masked: str
    state: DestinationState
    usable_from: datetime
    remaining_seconds: int  # until it is usable, of a pending one; else zero
    revoked_at: datetime | None


class Allowance(View, frozen=True, kw_only=True):
    """What a client may ask for today: gross amounts of one product, by the limits of their tier.

    `single` and `daily` are none where the product has no limits. `used` is what the requests of
    the day come to; the day is the product's and ends at `resets_at`.
    """

    asset: str
    places: int
    tier: ClientTier
    single: Decimal | None
    daily: Decimal | None
    used: Decimal
    resets_at: datetime
    time_zone: str

    @property
    def left_today(self) -> Decimal | None:
        """Never below zero: what was asked for may be worth more now than it was."""
        return None if self.daily is None else max(self.daily - self.used, Decimal(0))

    @property
    def resets(self) -> str:
        """Such as `00:00 UTC`, in the product's zone; the zone in full where it has no letters."""
        local = self.resets_at.astimezone(ZoneInfo(self.time_zone))
        name = local.tzname() or ""
        return f"{local:%H:%M} {name if name.isalpha() else self.time_zone}"


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


# A reading older than this says little of what is there now.
STALE_SECONDS = 120


class CustodyAccountView(View, frozen=True, kw_only=True):
    """`balance` is the custodian's reading; expected, reserved and free are the ledger's. `in_flight`
    is the part of reserved whose payouts are on their way: the custodian may have taken it already.
    """

    id: UUID
    product_id: UUID
    product_name: str
    kind: CustodyKind
    name: str
    asset: str
    places: int
    balance: Decimal | None
    read_at: datetime | None
    age_seconds: int | None
    expected: Decimal
    reserved: Decimal
    free: Decimal
    in_flight: Decimal
    difference: Decimal | None  # none without a reading

    @property
    def is_fresh(self) -> bool:
        return self.age_seconds is not None and self.age_seconds <= STALE_SECONDS


class RedemptionName(View, frozen=True, kw_only=True):
    """What a list of other things calls a redemption."""

    reference: str
    client_name: str
    state: RedemptionState


class PersonsWork(View, frozen=True, kw_only=True):
    """What hangs on one person: clients they serve, requests that wait for them, their own."""

    clients: int
    waiting: int
    own_requests: int


class ManagerOption(View, frozen=True, kw_only=True):
    id: UUID
    name: str


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


class AssetTotal(View, frozen=True, kw_only=True):
    asset: str
    places: int
    value: Decimal
    gained: Decimal


class UsdPrice(View, frozen=True, kw_only=True):
    """Of one of an asset, as its `source` gave it for `as_of`, in real time. `is_stale`: older than
    anybody relies on."""

    usd: Decimal
    as_of: datetime
    source: str
    age_seconds: int
    is_stale: bool


class AssetPrice(View, frozen=True, kw_only=True):
    """The latest of an asset that a product is in; none where there is none yet."""

    asset: str
    price: UsdPrice | None


class PriceReading(View, frozen=True, kw_only=True):
    """One of an asset was worth `usd` at `as_of`, in real time, by its `source`."""

    id: UUID
    asset: str
    usd: Decimal
    as_of: datetime
    source: str


class PriceFilter(View, frozen=True, kw_only=True):
    asset: str = ""
    as_of_from: datetime | None = None
    as_of_before: datetime | None = None


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


class UsdWorth(View, frozen=True, kw_only=True):
    usd: Decimal
    is_stale: bool  # a price behind it is


class PayableAsset(View, frozen=True, kw_only=True):
    """An asset that products pay, and on which networks."""

    asset: str
    networks: list[str]


class ClientFound(View, frozen=True, kw_only=True):
    """`in_book`: the viewer may open the client's own page."""

    id: UUID
    name: str
    rm_name: str
    in_book: bool


class ProductName(View, frozen=True, kw_only=True):
    id: UUID
    name: str


class ProductTerm(View, frozen=True, kw_only=True):
    months: int
    apy: Decimal
    penalty_rate: Decimal


class TierLimit(View, frozen=True, kw_only=True):
    """Gross, in the product's asset: of one request, and of all requests of a client in a day."""

    tier: ClientTier
    single: Decimal
    daily: Decimal


class ProductView(View, frozen=True, kw_only=True):
    id: UUID
    name: str
    kind: ProductKind
    asset: str
    places: int
    state: ProductState
    time_zone: str
    cutoff: str  # HH:MM, local to time_zone
    minimum: Decimal
    maximum: Decimal
    redemption_fee_rate: Decimal
    entry_fee_rate: Decimal
    terms: list[ProductTerm]
    limits: list[TierLimit]  # of redemptions, every tier's; none at all where there is no limit
    nav_per_unit: Decimal | None
    nav_at: datetime | None


class NavPoint(View, frozen=True, kw_only=True):
    nav_per_unit: Decimal
    as_of: datetime
