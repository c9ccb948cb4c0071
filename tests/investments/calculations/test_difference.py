"""A reading against the ledger, while payouts are on their way."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.investments.calculations.difference import custody_difference

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=2)


@pytest.mark.parametrize(
    ("balance", "in_flight", "difference"),
    [
        ("1000.00", "0", "0"),
        ("999.25", "0", "-0.75"),
        ("1000.75", "0", "0.75"),
        ("1000.00", "102.50", "0"),  # not taken yet
        ("898.20", "102.50", "0"),  # taken, with a lower fee than was set aside
        ("897.50", "102.50", "0"),
        ("897.49", "102.50", "-102.51"),  # more than that is gone
        ("1000.01", "102.50", "0.01"),
    ],
)
def test_only_what_is_in_flight_is_explained(balance: str, in_flight: str, difference: str) -> None:
    found = custody_difference(
        balance=Decimal(balance), expected=Decimal("1000.00"), in_flight=Decimal(in_flight)
    )
    assert found == Decimal(difference)


@given(balance=AMOUNTS, expected=AMOUNTS)
def test_with_nothing_in_flight_it_is_the_plain_difference(
    balance: Decimal, expected: Decimal
) -> None:
    found = custody_difference(balance=balance, expected=expected, in_flight=Decimal(0))
    assert found == balance - expected
