"""What a redemption comes to, step by step, for both kinds of product."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from app.domains.investments.calculations.accrual import accrual_days, yield_accrued
from app.domains.investments.calculations.issue import UNIT_PLACES
from app.domains.investments.calculations.penalty import (
    early_exit_penalty,
    remaining_days,
)
from app.domains.investments.values import ProductKind, Step
from app.kernel.money import EXACT, ZERO, plain, round_down, round_half_even


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed when the subscription was opened. Rates are fractions."""

    kind: ProductKind
    apy: Decimal
    penalty_rate: Decimal
    redemption_fee_rate: Decimal
    activated_on: date
    matures_on: date
    places: int  # decimals that a payout of the asset can have

    @property
    def term_days(self) -> int:
        return (self.matures_on - self.activated_on).days


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What the subscription holds before the redemption: units free and locked, their principal."""

    units: Decimal
    principal: Decimal


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """NAV per unit; for a fixed yield, where one unit is 1 of principal, it is 1."""

    nav_per_unit: Decimal


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    units: Decimal
    principal_redeemed: Decimal
    yield_accrued: Decimal
    gross: Decimal
    early_exit_penalty: Decimal
    redemption_fee: Decimal
    net: Decimal
    steps: list[Step]


def principal_of(*, units: Decimal, holding: Holding, places: int) -> Decimal:
    """The principal that `units` stand for: their share of the holding's, half even."""
    share = EXACT.divide(EXACT.multiply(holding.principal, units), holding.units)
    return round_half_even(share, places=places)


def compute_redemption(
    *,
    units: Decimal,
    holding: Holding,
    terms: Terms,
    price: Price,
    requested_on: date,
    valued_on: date,
) -> Computed:
    """Gross, penalty, fee and net of redeeming `units` of `holding`.

    The penalty counts the days left at the request, the yield those accrued at the valuation. The
    penalty is at most gross − fee, so that net is never below zero. Each amount is rounded half
    even to the asset's places. Raises `ValueError` when units are not above zero or not held.
    """
    if not ZERO < units <= holding.units:
        raise ValueError("units must be above zero and held")
    principal = principal_of(units=units, holding=holding, places=terms.places)
    steps = [
        Step(
            label="Principal redeemed",
            formula=f"{plain(holding.principal)} × {plain(units)} ÷ {plain(holding.units)}",
            amount=principal,
            rounding=_rounding(terms.places),
            inputs={"principal_held": holding.principal, "units_held": holding.units},
        )
    ]
    accrued = ZERO
    if terms.kind is ProductKind.fixed_yield:
        accrued, step = _yield(principal, terms, valued_on)
        gross = principal + accrued
        steps += [
            step,
            Step(
                label="Gross",
                formula=f"{plain(principal)} + {plain(accrued)}",
                amount=gross,
                rounding="exact",
            ),
        ]
    else:
        gross = round_half_even(EXACT.multiply(units, price.nav_per_unit), places=terms.places)
        steps.append(
            Step(
                label="Gross",
                formula=f"{plain(units)} units × {plain(price.nav_per_unit)} NAV per unit",
                amount=gross,
                rounding=_rounding(terms.places),
            )
        )
    fee = round_half_even(EXACT.multiply(gross, terms.redemption_fee_rate), places=terms.places)
    penalty, penalty_step = _penalty(principal, gross - fee, terms, requested_on)
    net = gross - penalty - fee
    steps += [
        penalty_step,
        Step(
            label="Redemption fee",
            formula=f"{plain(gross)} × {plain(terms.redemption_fee_rate)}",
            amount=fee,
            rounding=_rounding(terms.places),
            inputs={"rate": terms.redemption_fee_rate},
        ),
        Step(
            label="Net",
            formula=f"{plain(gross)} − {plain(penalty)} − {plain(fee)}",
            amount=net,
            rounding="exact",
        ),
    ]
    return Computed(
        units=units,
        principal_redeemed=principal,
        yield_accrued=accrued,
        gross=gross,
        early_exit_penalty=penalty,
        redemption_fee=fee,
        net=net,
        steps=steps,
    )


def _yield(principal: Decimal, terms: Terms, valued_on: date) -> tuple[Decimal, Step]:
    days = accrual_days(
        activated_on=terms.activated_on, matures_on=terms.matures_on, today=valued_on
    )
    accrued = yield_accrued(principal=principal, apy=terms.apy, days=days, places=terms.places)
    return accrued, Step(
        label="Yield accrued",
        formula=f"{plain(principal)} × ((1 + {plain(terms.apy)})^({days} ÷ 365) − 1)",
        amount=accrued,
        rounding=_rounding(terms.places),
    )


def _penalty(
    principal: Decimal, most: Decimal, terms: Terms, requested_on: date
) -> tuple[Decimal, Step]:
    left = min(
        remaining_days(matures_on=terms.matures_on, requested_on=requested_on), terms.term_days
    )
    penalty = early_exit_penalty(
        principal=principal,
        rate=terms.penalty_rate,
        term_days=terms.term_days,
        remaining_days=left,
        places=terms.places,
    )
    formula = (
        f"{plain(principal)} × {plain(terms.penalty_rate)} × {left} ÷ {terms.term_days} days left"
    )
    if penalty > most:
        penalty, formula = most, f"{formula}, at most gross − fee = {plain(most)}"
    return penalty, Step(
        label="Early exit penalty",
        formula=formula,
        amount=penalty,
        rounding=_rounding(terms.places),
    )


def units_for_fraction(*, fraction: Decimal, free: Decimal) -> Decimal:
    """That fraction of the free units, rounded down to 8 places; 1 is all of them exactly."""
    return round_down(EXACT.multiply(free, fraction), places=UNIT_PLACES)


def units_for_amount(*, gross: Decimal, value_of_free: Decimal, free: Decimal) -> Decimal:
    """The units whose gross is about `gross`: their share of what all free units are worth.

    Rounded down to 8 places, so that the gross never exceeds what was asked by more than rounding.
    """
    return round_down(EXACT.divide(EXACT.multiply(gross, free), value_of_free), places=UNIT_PLACES)


def _rounding(places: int) -> str:
    return f"half even, {places} places"
