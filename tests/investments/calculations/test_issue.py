"""Units for a deposit, and NAV per unit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domains.investments.calculations.issue import issue_units, nav_per_unit
from app.domains.investments.calculations.term import matures_on


def test_nav_of_a_million_over_950_000_units() -> None:
    found = nav_per_unit(net_assets=Decimal("1000000.00"), units_outstanding=Decimal("950000"))
    assert found == Decimal("1.05263158")


def test_nav_before_there_are_units_is_one() -> None:
    assert nav_per_unit(net_assets=Decimal(0), units_outstanding=Decimal(0)) == 1


@pytest.mark.parametrize(
    ("fee_rate", "units"), [("0", "23749.99997625"), ("0.01", "23512.49997648")]
)
def test_units_of_25_000(fee_rate: str, units: str) -> None:
    issue = issue_units(
        deposit=Decimal("25000.00"),
        entry_fee_rate=Decimal(fee_rate),
        nav_per_unit=Decimal("1.05263158"),
        places=2,
    )
    assert issue.units == Decimal(units)


@given(
    deposit=some.decimals("0.01", "10000000", places=2),
    fee_rate=some.decimals("0", "0.1", places=4),
    nav=some.decimals("0.00000001", "100000", places=8),
)
def test_nothing_of_a_deposit_is_lost(deposit: Decimal, fee_rate: Decimal, nav: Decimal) -> None:
    issue = issue_units(deposit=deposit, entry_fee_rate=fee_rate, nav_per_unit=nav, places=2)
    assert issue.entry_fee + issue.invested + issue.remainder == deposit
    assert issue.invested == issue.units * nav
    assert 0 <= issue.remainder < nav * Decimal("0.00000001")


def test_refuses_a_nav_of_nothing() -> None:
    with pytest.raises(ValueError, match="above zero"):
        issue_units(
            deposit=Decimal(1), entry_fee_rate=Decimal(0), nav_per_unit=Decimal(0), places=2
        )


@pytest.mark.parametrize(
    ("activated_on", "months", "expected"),
    [
        (date(2026, 1, 15), 6, date(2026, 7, 15)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2026, 12, 1), 12, date(2027, 12, 1)),
    ],
)
def test_a_term_ends_on_the_same_day_or_the_months_last(
    activated_on: date, months: int, expected: date
) -> None:
    assert matures_on(activated_on=activated_on, months=months) == expected
