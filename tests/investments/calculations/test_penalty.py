"""The early exit penalty: principal × rate × remaining days / term days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domains.investments.calculations.penalty import early_exit_penalty, remaining_days


@pytest.mark.parametrize(
    ("principal", "rate", "term_days", "days", "penalty"),
    [
        ("10000.00", "0.05", 180, 90, "250.00"),
        ("2500.00", "0.02", 365, 1, "0.14"),
        ("1234567.89", "0.0375", 92, 92, "46296.30"),
        ("1234567.89", "0.0375", 92, 0, "0.00"),
    ],
)
def test_worked_figures(principal: str, rate: str, term_days: int, days: int, penalty: str) -> None:
    found = early_exit_penalty(
        principal=Decimal(principal),
        rate=Decimal(rate),
        term_days=term_days,
        remaining_days=days,
        places=2,
    )
    assert found == Decimal(penalty)


@given(
    principal=some.decimals("0.01", "10000000", places=2),
    rate=some.decimals("0", "0.2", places=4),
    term_days=some.integers(1, 3650),
    data=some.data(),
)
def test_falls_with_every_day_and_never_exceeds_the_whole(
    principal: Decimal, rate: Decimal, term_days: int, data: some.DataObject
) -> None:
    days = data.draw(some.integers(1, term_days))
    terms = {"principal": principal, "rate": rate, "term_days": term_days, "places": 2}
    earlier = early_exit_penalty(**terms, remaining_days=days)  # type: ignore[arg-type]
    later = early_exit_penalty(**terms, remaining_days=days - 1)  # type: ignore[arg-type]
    assert later <= earlier <= principal * rate + Decimal("0.005")


@pytest.mark.parametrize(("term_days", "days"), [(0, 0), (10, 11), (10, -1)])
def test_refuses_days_outside_the_term(term_days: int, days: int) -> None:
    with pytest.raises(ValueError, match="within the term"):
        early_exit_penalty(
            principal=Decimal(1),
            rate=Decimal("0.1"),
            term_days=term_days,
            remaining_days=days,
            places=2,
        )


def test_maturity_day_itself_has_no_days_left() -> None:
    maturity = date(2026, 7, 1)
    assert remaining_days(matures_on=maturity, requested_on=date(2026, 6, 30)) == 1
    assert remaining_days(matures_on=maturity, requested_on=maturity) == 0
    assert remaining_days(matures_on=maturity, requested_on=date(2026, 7, 9)) == 0
