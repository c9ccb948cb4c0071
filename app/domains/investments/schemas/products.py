"""Products, their NAV, and the accounts where their assets are."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.schemas.shapes import Out, fixed, short, units
from app.domains.investments.values import CustodyAccountView, NavPoint, ProductView
from app.kernel.clock import utc
from app.kernel.money import Money


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


def product_out(view: ProductView) -> ProductOut:
    return ProductOut(
        id=view.id,
        name=view.name,
        kind=view.kind.value,
        asset=view.asset,
        state=view.state.value,
        time_zone=view.time_zone,
        cutoff=view.cutoff,
        minimum=Money(fixed(view.minimum, view.places), view.asset),
        maximum=Money(fixed(view.maximum, view.places), view.asset),
        redemption_fee_rate=short(view.redemption_fee_rate),
        entry_fee_rate=short(view.entry_fee_rate),
        terms=[
            TermOut(months=term.months, apy=short(term.apy), penalty_rate=short(term.penalty_rate))
            for term in view.terms
        ],
        limits=[
            TierLimitOut(
                tier=limit.tier.value,
                single=Money(fixed(limit.single, view.places), view.asset),
                daily=Money(fixed(limit.daily, view.places), view.asset),
            )
            for limit in view.limits
        ],
        nav_per_unit=None if view.nav_per_unit is None else units(view.nav_per_unit),
        nav_at=None if view.nav_at is None else utc(view.nav_at),
    )


def nav_out(point: NavPoint) -> NavOut:
    return NavOut(nav_per_unit=units(point.nav_per_unit), as_of=utc(point.as_of))


def account_out(view: CustodyAccountView) -> AccountOut:
    return AccountOut(
        id=view.id,
        product_id=view.product_id,
        kind=view.kind.value,
        name=view.name,
        asset=view.asset,
        balance=None
        if view.balance is None
        else Money(fixed(view.balance, view.places), view.asset),
        expected=Money(fixed(view.expected, view.places), view.asset),
        reserved=Money(fixed(view.reserved, view.places), view.asset),
        free=Money(fixed(view.free, view.places), view.asset),
        read_at=None if view.read_at is None else utc(view.read_at),
    )
