"""Yield of a fixed-yield subscription.

The worked figures are `principal × ((1 + APY)^(days / 365) − 1)`, computed by hand to the cent.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domains.investments.calculations.accrual import accrual_days, yield_accrued


@pytest.mark.parametrize(
    ("principal", "apy", "days", "accrued"),
    [
        ("10000.00", "0.08", 0, "0.00"),
        ("10000.00", "0.08", 1, "2.11"),
        ("10000.00", "0.08", 90, "191.58"),
        ("10000.00", "0.08", 180, "386.83"),
        ("10000.00", "0.08", 365, "800.00"),
        ("10000.00", "0.08", 366, "802.28"),
        ("250000.00", "0.0525", 273, "9753.21"),
    ],
)
def test_worked_figures(principal: str, apy: str, days: int, accrued: str) -> None:
    found = yield_accrued(principal=Decimal(principal), apy=Decimal(apy), days=days, places=2)
    assert found == Decimal(accrued)


@given(
    principal=some.decimals("0.01", "10000000", places=2),
    apy=some.decimals("0", "0.5", places=4),
    days=some.integers(0, 3650),
)
def test_daily_entries_sum_to_the_accrual_and_never_shrink(
    principal: Decimal, apy: Decimal, days: int
) -> None:
    today = yield_accrued(principal=principal, apy=apy, days=days, places=2)
    tomorrow = yield_accrued(principal=principal, apy=apy, days=days + 1, places=2)
    assert 0 <= today <= tomorrow


@pytest.mark.parametrize(
    "bad", [{"days": -1}, {"apy": Decimal("-0.1")}, {"principal": Decimal(-1)}]
)
def test_refuses_what_makes_no_sense(bad: dict[str, Decimal]) -> None:
    given_values = {"principal": Decimal(1), "apy": Decimal("0.1"), "days": 1, "places": 2} | bad
    with pytest.raises(ValueError, match="negative"):
        yield_accrued(**given_values)  # type: ignore[arg-type]


def test_accrual_stops_at_maturity_and_starts_after_activation() -> None:
    term = {"activated_on": date(2026, 1, 1), "matures_on": date(2026, 7, 1)}
    assert accrual_days(**term, today=date(2025, 12, 31)) == 0
    assert accrual_days(**term, today=date(2026, 1, 2)) == 1
    assert accrual_days(**term, today=date(2027, 1, 1)) == 181
