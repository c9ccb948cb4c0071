"""Products, their terms and limits, and where their assets are."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domains.investments.values.people import ClientTier
from app.domains.investments.values.view import View


class ProductKind(StrEnum):
    fixed_yield = "fixed_yield"
    nav_units = "nav_units"


class ProductState(StrEnum):
    draft = "draft"
    active = "active"
    suspended = "suspended"
    liquidating = "liquidating"
    closed = "closed"


class CustodyKind(StrEnum):
    staging_vault = "staging_vault"
    investment_vault = "investment_vault"
    venue = "venue"


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


class PayableAsset(View, frozen=True, kw_only=True):
    """An asset that products pay, and on which networks."""

    asset: str
    networks: list[str]


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
