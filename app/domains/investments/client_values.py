"""What a client is to the desks: the book, their history, KYC and standing."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domains.investments.values import (
    AssetTotal,
    ClientTier,
    DestinationView,
    KycState,
    RedemptionRow,
    SubscriptionView,
    UsdWorth,
    View,
)


class ClientRow(View, frozen=True, kw_only=True):
    """`worth` is there where every asset that is held has a price."""

    id: UUID
    name: str
    rm_name: str
    subscriptions: int
    totals: list[AssetTotal]
    worth: UsdWorth | None
    redemptions_open: int


class StandingChange(View, frozen=True, kw_only=True):
    """One record of KYC, standing or tier: what was, what is, who says so and why."""

    at: datetime
    actor: str
    what: str  # KYC, Standing, Tier asked for, Tier …
    before: str
    after: str
    note: str


class TierChange(View, frozen=True, kw_only=True):
    """A change that waits for its second person."""

    id: UUID
    approval_id: UUID
    client_id: UUID
    client_name: str
    before: ClientTier
    after: ClientTier
    note: str
    requested_by: str
    requested_at: datetime


class Screening(View, frozen=True, kw_only=True):
    """Whether a client may be paid: `kyc` as it stands now, good through `kyc_last_day`.

    `standing` is a `Standing`, or `under_review` to who is not to know of a sanctions hit.
    """

    tier: ClientTier
    kyc: KycState
    kyc_expires_at: datetime | None
    kyc_last_day: date | None
    standing: str


class ScreeningRow(View, frozen=True, kw_only=True):
    id: UUID
    name: str
    rm_name: str
    screening: Screening
    redemptions_open: int
    on_hold: int


class ScreeningView(View, frozen=True, kw_only=True):
    """One client's. `bars` says in words why nothing may be paid to them; `can` holds what this
    viewer may do: any of kyc, standing, tier, decide_tier. `history` is for who may read the audit.
    """

    id: UUID
    version: int
    name: str
    membership_id: UUID
    rm_name: str
    screening: Screening
    bars: list[str]
    held: list[RedemptionRow]
    pending: TierChange | None
    history: list[StandingChange]
    today: date  # the tenant's
    can: frozenset[str]


class ScreeningFilter(StrEnum):
    """`expiring`: within 30 days; `barred`: of whatever KYC, a standing that is not good."""

    expiring = "expiring"
    lapsed = "lapsed"
    pending = "pending"
    refused = "refused"
    barred = "barred"


class ClientStanding(View, frozen=True, kw_only=True):
    """How the client stands with us: since when they hold something, and what became of requests."""

    since: date | None
    open: int
    on_hold: int
    completed: int
    rejected: int
    paid: list[AssetTotal]  # net of completed requests


class ClientEvent(View, frozen=True, kw_only=True):
    """A step of one of their requests, or a deposit, which has an `amount`."""

    id: UUID
    at: datetime
    event: str
    title: str  # the event in words
    actor: str
    note: str
    product_name: str
    redemption_id: UUID | None
    reference: str | None
    amount: Decimal | None
    asset: str
    places: int


class ClientView(View, frozen=True, kw_only=True):
    """One client as those who serve them see it."""

    id: UUID
    name: str
    email: str
    membership_id: UUID
    rm_name: str
    totals: list[AssetTotal]
    worth: UsdWorth | None
    subscriptions: list[SubscriptionView]
    destinations: list[DestinationView]
    redemptions: list[RedemptionRow]
    history: list[ClientEvent]
    standing: ClientStanding
    screening: Screening
