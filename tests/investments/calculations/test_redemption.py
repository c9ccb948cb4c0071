"""What a redemption comes to, for both kinds of product."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domains.investments.calculations.redemption import (
    Computed,
    Holding,
    Price,
    Terms,
    compute_redemption,
    units_for_amount,
    units_for_fraction,
)
from app.domains.investments.values import ProductKind

ACTIVATED = date(2026, 1, 1)


def _terms(kind: ProductKind, **changes: Decimal) -> Terms:
    values = {
        "apy": Decimal("0.08"),
        "penalty_rate": Decimal("0.05"),
        "redemption_fee_rate": Decimal("0.001"),
    } | changes
    return Terms(
        kind=kind,
        activated_on=ACTIVATED,
        matures_on=ACTIVATED + timedelta(days=180),
        places=2,
        **values,
    )


def _compute(
    kind: ProductKind, *, units: str, nav: str = "1", days: int, **changes: Decimal
) -> Computed:
    today = ACTIVATED + timedelta(days=days)
    return compute_redemption(
        units=Decimal(units),
        holding=Holding(units=Decimal(10000), principal=Decimal("10000.00")),
        terms=_terms(kind, **changes),
        price=Price(nav_per_unit=Decimal(nav)),
        requested_on=today,
        valued_on=today,
    )


def test_fixed_yield_at_half_time() -> None:
    found = _compute(ProductKind.fixed_yield, units="10000", days=90)
    assert found.principal_redeemed == Decimal("10000.00")
    assert found.yield_accrued == Decimal("191.58")
    assert found.gross == Decimal("10191.58")
    assert found.early_exit_penalty == Decimal("250.00")
    assert found.redemption_fee == Decimal("10.19")
    assert found.net == Decimal("9931.39")


def test_nav_units_leave_the_yield_out() -> None:
    found = _compute(ProductKind.nav_units, units="5000", nav="1.05263158", days=180)
    assert found.gross == Decimal("5263.16")
    assert found.yield_accrued == 0
    assert found.early_exit_penalty == 0
    assert found.net == found.gross - found.redemption_fee


def test_penalty_never_takes_more_than_there_is() -> None:
    found = _compute(
        ProductKind.nav_units, units="10000", nav="0.01", days=0, penalty_rate=Decimal("0.5")
    )
    assert found.net == 0
    assert found.early_exit_penalty == found.gross - found.redemption_fee


def test_steps_explain_every_amount_in_order() -> None:
    found = _compute(ProductKind.fixed_yield, units="10000", days=90)
    assert [step.label for step in found.steps] == [
        "Principal redeemed",
        "Yield accrued",
        "Gross",
        "Early exit penalty",
        "Redemption fee",
        "Net",
    ]
    assert found.steps[-1].amount == found.net
    assert "90 ÷ 180" in found.steps[3].formula


@given(
    units=some.decimals("0.00000001", "10000", places=8),
    nav=some.decimals("0.00000001", "1000", places=8),
    days=some.integers(0, 400),
    kind=some.sampled_from(ProductKind),
)
def test_parts_always_sum_and_net_is_never_negative(
    units: Decimal, nav: Decimal, days: int, kind: ProductKind
) -> None:
    found = _compute(kind, units=str(units), nav=str(nav), days=days)
    assert found.gross == found.early_exit_penalty + found.redemption_fee + found.net
    assert found.net >= 0


@pytest.mark.parametrize("units", ["0", "-1", "10000.00000001"])
def test_refuses_units_that_are_not_held(units: str) -> None:
    with pytest.raises(ValueError, match="held"):
        _compute(ProductKind.fixed_yield, units=units, days=1)


def test_the_whole_fraction_is_every_unit() -> None:
    free = Decimal("23512.49997648")
    assert units_for_fraction(fraction=Decimal(1), free=free) == free
    assert units_for_fraction(fraction=Decimal("0.5"), free=free) == Decimal("11756.24998824")


@given(
    gross=some.decimals("0.01", "9999.99", places=2),
    value=some.decimals("10000", "20000", places=2),
)
def test_units_for_an_amount_are_never_more_than_are_free(gross: Decimal, value: Decimal) -> None:
    free = Decimal(10000)
    assert 0 <= units_for_amount(gross=gross, value_of_free=value, free=free) < free
