"""Amounts: parsing, rounding and the one allocation."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import InputInvalid
from app.kernel.money import (
    allocate,
    parse_amount,
    parse_signed_amount,
    plain,
    round_down,
    round_half_even,
)

cents = st.integers(min_value=0, max_value=10**20).map(lambda units: Decimal(units).scaleb(-2))
weights = st.lists(
    st.decimals(min_value=0, max_value=10**9, places=6), min_size=1, max_size=30
).filter(lambda given_weights: any(given_weights))
amounts = st.decimals(
    min_value=-(10**19), max_value=10**19, places=18, allow_nan=False, allow_infinity=False
)


class TestParseAmount:
    @pytest.mark.parametrize(
        ("text", "amount"),
        [
            ("1250.50", "1250.50"),
            (" 7 ", "7"),
            ("0.0001", "0.0001"),
            ("99999999999999999999.999999999999999999",) * 2,
        ],
    )
    def test_reads_plain_digits(self, text: str, amount: str) -> None:
        assert str(parse_amount(text, field="amount")) == amount

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "abc",
            "NaN",
            "sNaN",
            "Infinity",
            "-Infinity",
            "1e5",
            "1E400",
            "1_000",
            "1,000.00",
            "+1",
            ".5",
            "1.",
            "0x10",
            "--1",
            "1 000",
            "１２",
            "٣",
            "1\n2",
            "1.5\x00",
            "123456789012345678901",
            None,
            1.5,
            5,
            Decimal(5),
        ],
    )
    def test_refuses_what_is_no_plain_number(self, text: object) -> None:
        with pytest.raises(InputInvalid) as refusal:
            parse_amount(text, field="amount")
        assert (refusal.value.errors[0].field, refusal.value.errors[0].code) == (
            "amount",
            "NOT_A_NUMBER",
        )

    @pytest.mark.parametrize("text", ["0", "0.00", "-1", "-0.01", "-0"])
    def test_refuses_what_is_not_above_zero(self, text: str) -> None:
        with pytest.raises(InputInvalid) as refusal:
            parse_amount(text, field="units")
        assert refusal.value.errors[0].code == "NOT_POSITIVE"
        parse_signed_amount(text, field="units")

    def test_refuses_more_decimals_than_the_asset_has(self) -> None:
        with pytest.raises(InputInvalid) as refusal:
            parse_amount("1.005", field="amount", places=2)
        assert refusal.value.errors[0].code == "TOO_MANY_DECIMALS"
        assert parse_amount("1.00", field="amount", places=2) == 1

    @given(amounts)
    def test_reads_back_what_plain_wrote(self, amount: Decimal) -> None:
        assert parse_signed_amount(plain(amount), field="amount") == amount

    @given(st.text())
    def test_gives_a_finite_amount_or_refuses(self, text: str) -> None:
        try:
            amount = parse_amount(text, field="amount")
        except InputInvalid:
            return
        assert amount.is_finite()
        assert amount > 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1250.500000000000000000", "1250.5"),
        ("1E-18", "0.000000000000000001"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("-0.10", "-0.1"),
        ("0E-18", "0"),
    ],
)
def test_plain_writes_digits_without_exponent_or_idle_zeros(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


class TestRounding:
    @pytest.mark.parametrize(
        ("amount", "rounded"),
        [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("2.5049", "2.50")],
    )
    def test_ties_go_to_the_even_neighbour(self, amount: str, rounded: str) -> None:
        assert str(round_half_even(Decimal(amount), places=2)) == rounded

    @pytest.mark.parametrize(("amount", "rounded"), [("1.999", "1.99"), ("-1.999", "-1.99")])
    def test_down_is_towards_zero(self, amount: str, rounded: str) -> None:
        assert str(round_down(Decimal(amount), places=2)) == rounded

    @given(amounts, st.integers(min_value=0, max_value=18))
    def test_is_off_by_half_a_unit_at_most_and_stays_put(
        self, amount: Decimal, places: int
    ) -> None:
        unit = Decimal(1).scaleb(-places)
        nearest, down = round_half_even(amount, places=places), round_down(amount, places=places)
        assert abs(nearest - amount) * 2 <= unit
        assert abs(down) <= abs(amount) < abs(down) + unit
        assert round_half_even(nearest, places=places) == nearest


def rounded_up(total: Decimal, given_weights: list[Decimal]) -> list[Fraction]:
    """What was left over of each part that got a cent for it, exactly, in order of size."""
    whole = sum(map(Fraction, given_weights))
    exact = [Fraction(total) * 100 * Fraction(weight) / whole for weight in given_weights]
    parts = allocate(total, given_weights, places=2)
    return sorted(share % 1 for share, part in zip(exact, parts, strict=True) if part * 100 > share)


class TestAllocate:
    @pytest.mark.parametrize(
        ("total", "weight_list", "parts"),
        [
            ("100.00", [1, 1, 1], ["33.34", "33.33", "33.33"]),
            ("0.05", [1] * 7, ["0.01"] * 5 + ["0.00"] * 2),
            # Hamilton's method: remainders of 1/7 are .857, .714 and .428 of a cent.
            ("1000.00", [1, 2, 4], ["142.86", "285.71", "571.43"]),
            ("0.00", [3, 1], ["0.00", "0.00"]),
            ("5.00", [0, 1, 0], ["0.00", "5.00", "0.00"]),
        ],
    )
    def test_worked_examples(self, total: str, weight_list: list[int], parts: list[str]) -> None:
        assert [str(part) for part in allocate(Decimal(total), weight_list, places=2)] == parts

    @given(cents, weights)
    def test_parts_sum_to_the_whole_and_keep_their_quota(
        self, total: Decimal, given_weights: list[Decimal]
    ) -> None:
        parts = allocate(total, given_weights, places=2)
        assert sum(parts, Decimal(0)) == total
        whole = sum(given_weights)
        for part, weight in zip(parts, given_weights, strict=True):
            assert part >= 0
            # Within one cent of the exact share (compared without dividing).
            assert abs(part * whole - total * weight) < Decimal("0.01") * whole

    @given(cents, weights)
    def test_a_larger_weight_never_gets_less(
        self, total: Decimal, given_weights: list[Decimal]
    ) -> None:
        parts = allocate(total, given_weights, places=2)
        by_weight = sorted(zip(given_weights, parts, strict=True))
        for (light, less), (heavy, more) in pairwise(by_weight):
            assert light == heavy or less <= more

    @given(cents, weights, st.randoms())
    def test_the_order_decides_ties_alone(
        self, total: Decimal, given_weights: list[Decimal], random: object
    ) -> None:
        shuffled = list(given_weights)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert rounded_up(total, shuffled) == rounded_up(total, given_weights)

    def test_of_two_that_tie_the_first_is_rounded_up(self) -> None:
        """Found by the property above when it said more than is true: of 5.538… and of 117.538…
        cents it is the same 7/13 that is left over."""
        tie = [Decimal("0.000090"), Decimal("0.001910")]
        others = [Decimal("0.000123"), Decimal("0.003727")]
        parts = allocate(Decimal("3.60"), [*tie, *others], places=2)
        assert [str(part) for part in parts] == ["0.06", "1.17", "0.08", "2.29"]
        parts = allocate(Decimal("3.60"), [*reversed(tie), *others], places=2)
        assert [str(part) for part in parts] == ["1.18", "0.05", "0.08", "2.29"]

    @given(cents, weights, st.integers(min_value=2, max_value=1000))
    def test_scaling_the_weights_changes_nothing(
        self, total: Decimal, given_weights: list[Decimal], factor: int
    ) -> None:
        scaled = [weight * factor for weight in given_weights]
        assert allocate(total, scaled, places=2) == allocate(total, given_weights, places=2)

    @pytest.mark.parametrize(
        ("total", "weight_list"),
        [("-1.00", [1]), ("1.005", [1]), ("1.00", []), ("1.00", [0, 0]), ("1.00", [2, -1])],
    )
    def test_refuses_what_cannot_be_split(self, total: str, weight_list: list[int]) -> None:
        with pytest.raises(ValueError, match=r"total must|weights must"):
            allocate(Decimal(total), weight_list, places=2)

    @pytest.mark.parametrize("weight", ["NaN", "Infinity"])
    def test_refuses_weights_that_are_no_numbers(self, weight: str) -> None:
        with pytest.raises(ValueError, match="weights must"):
            allocate(Decimal("1.00"), [Decimal(weight)], places=2)
