"""What a client has: deposits, subscriptions, destinations, and what may be asked for today."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domains.investments.values.people import ClientTier
from app.domains.investments.values.products import ProductKind
from app.domains.investments.values.view import View


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
