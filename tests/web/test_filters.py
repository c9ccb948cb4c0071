"""How figures, times and words look."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.web.filters import (
    Look,
    ago,
    amount,
    day,
    exact,
    grouped,
    instant,
    looking,
    percent,
    plain_amount,
    units,
    words,
)

AT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("1234567.5", 2, "1,234,567.50"),
        ("-0.004", 2, "0.00"),
        ("-1", 2, "\N{MINUS SIGN}1.00"),
        ("0.000001", 6, "0.000001"),
        (
            "99999999999999999999.123456789012345678",
            18,
            "99,999,999,999,999,999,999.123456789012345678",
        ),
        ("2.5", 0, "2"),
    ],
)
def test_amounts_have_fixed_places_and_separators(value: str, places: int, text: str) -> None:
    assert amount(Decimal(value), places) == text


def test_a_sign_is_shown_where_it_is_asked_for() -> None:
    assert amount(Decimal(5), 2, signed=True) == "+5.00"
    assert amount(Decimal(0), 2, signed=True) == "0.00"


def test_the_locale_chooses_the_separators() -> None:
    with looking(Look(locale="de-CH")):
        assert amount(Decimal("1234.5"), 2) == "1’234.50"
    with looking(Look(locale="de")):
        assert amount(Decimal("1234.5"), 2) == "1.234,50"
        assert plain_amount(Decimal("1234.5"), 2) == "1234.50"


def test_units_and_percentages_carry_no_zeros() -> None:
    assert units(Decimal("1000.500000")) == "1,000.5"
    assert units(Decimal("-3")) == "\N{MINUS SIGN}3"
    assert percent(Decimal("0.085")) == "8.5%"


def test_money_to_the_last_digit_has_two_decimals_at_least() -> None:
    told = [exact(Decimal(value), "USDT") for value in ("-178744.5", "50153", "0.00000001")]
    assert told == ["\N{MINUS SIGN}178,744.50", "50,153.00", "0.00000001"]
    assert exact(Decimal("2500.5"), "units:growth") == exact(Decimal("2500.5")) == "2,500.5"


def test_counts_have_separators_alone() -> None:
    assert (grouped(7), grouped(1196)) == ("7", "1,196")


def test_times_name_their_zone() -> None:
    with looking(Look(time_zone="Europe/Zurich")):
        assert instant(AT) == "23 Nov 2026, 00:30 CET"
        assert day(AT) == "23 Nov 2026"
    assert instant(AT) == "22 Nov 2026, 23:30 UTC"
    assert day(date(2026, 1, 2)) == "2 Jan 2026"


def test_ago_counts_from_the_pages_own_time() -> None:
    with looking(Look(now=AT)):
        assert ago(AT - timedelta(minutes=5)) == "5 minutes ago"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("pending_approval", "Pending approval"),
        ("ready", "Ready for payout"),
        ("payout_failed", "Payout failed"),
        ("rm", "Relationship manager"),
        ("fixed_yield", "Fixed yield"),
    ],
)
def test_states_and_roles_are_words(state: str, text: str) -> None:
    assert words(state) == text
