"""What units of a subscription are worth on a day, before penalty and fee."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.domains.investments.calculations.accrual import yield_accrued
from app.domains.investments.calculations.redemption import Holding, principal_of
from app.domains.investments.values import ProductKind
from app.kernel.money import EXACT, ZERO, round_half_even


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """In the product's asset, at its places. `accrued_yield` is zero for units of a NAV."""

    principal: Decimal
    accrued_yield: Decimal
    value: Decimal

    @property
    def gained(self) -> Decimal:
        return self.value - self.principal


def worth_of(
    *,
    units: Decimal,
    holding: Holding,
    kind: ProductKind,
    apy: Decimal,
    days: int,
    nav_per_unit: Decimal,
    places: int,
) -> Worth:
    """What `units` of `holding` are worth: a fixed yield's principal and the yield it accrued in
    `days`, units of a NAV at `nav_per_unit`. Each is rounded half even to `places`.
    """
    principal = round_half_even(ZERO, places=places)
    if units:
        principal = principal_of(units=units, holding=holding, places=places)
    if kind is ProductKind.fixed_yield:
        accrued = yield_accrued(principal=principal, apy=apy, days=days, places=places)
        return Worth(principal=principal, accrued_yield=accrued, value=principal + accrued)
    value = round_half_even(EXACT.multiply(units, nav_per_unit), places=places)
    return Worth(principal=principal, accrued_yield=ZERO, value=value)
