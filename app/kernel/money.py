"""Exact amounts: one strict parser for everything that comes in, one rounding, one allocation.

Amounts are `Decimal`. A float never becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DefaultContext,
    getcontext,
    localcontext,
)

import msgspec

from app.kernel.errors import InputInvalid

DIGITS_MAX = 38
PLACES_MAX = 18
# Wide enough that the product of two stored amounts is exact before it is rounded.
EXACT = Context(prec=80)
# Plain `+` and `-` take their precision from here; Python's own 28 digits would round the largest
# amounts that the ledger can hold. DefaultContext is for threads that start later.
getcontext().prec = DefaultContext.prec = EXACT.prec
ZERO = Decimal(0)

_PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]+)?\Z", re.ASCII)


class Money(msgspec.Struct, frozen=True):
    """An amount of one asset, as the API writes it: `{"amount": "1234.50", "currency": "USD"}`."""

    amount: str
    currency: str


def parse_amount(text: object, *, field: str, places: int = PLACES_MAX) -> Decimal:
    """The amount written in `text`: plain digits with at most `places` decimals, greater than zero.

    No exponents, signs, separators, NaN or infinity. Raises `InputInvalid` naming `field` and rule.
    """
    amount = parse_signed_amount(text, field=field, places=places)
    if amount <= 0:
        raise InputInvalid.of(field, "NOT_POSITIVE", "Must be greater than zero")
    return amount


def parse_signed_amount(text: object, *, field: str, places: int = PLACES_MAX) -> Decimal:
    """As `parse_amount`, but zero and negative amounts are allowed."""
    if not isinstance(text, str) or not _PLAIN.match(text.strip()):
        raise InputInvalid.of(
            field,
            "NOT_A_NUMBER",
            "Write a plain number, such as 1250.50, with a point for decimals",
        )
    amount = Decimal(text.strip())
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        raise InputInvalid.of(
            field, "TOO_MANY_DECIMALS", f"At most {places} decimal places are allowed here"
        )
    return amount


def round_half_even(amount: Decimal, *, places: int) -> Decimal:
    """`amount` at `places` decimals, ties to the even neighbour (IEEE 754 roundTiesToEven)."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=EXACT)


def round_down(amount: Decimal, *, places: int) -> Decimal:
    """`amount` at `places` decimals, towards zero."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN, context=EXACT)


def allocate(total: Decimal, weights: Sequence[Decimal | int], *, places: int) -> list[Decimal]:
    """`total` split by `weights` so that the parts, at `places` decimals, sum to it exactly.

    Largest remainder (Hamilton's method): each part is rounded down, and what is left goes, one
    unit in the last place at a time, to the largest remainders; ties by the order given.
    `total` must be a multiple of the last place and not negative; weights must be finite,
    not negative, and not all zero. Raises `ValueError` otherwise.
    """
    unit = Decimal(1).scaleb(-places)
    if total < 0 or round_down(total, places=places) != total:
        raise ValueError("total must be a non-negative multiple of the last place")
    whole = [Decimal(weight) for weight in weights]
    if any(not weight.is_finite() or weight < 0 for weight in whole) or not any(whole):
        raise ValueError("weights must be finite and non-negative, at least one above zero")
    with localcontext(EXACT):
        weight_sum = sum(whole, ZERO)
        # In whole units of the last place, so that remainders compare exactly.
        units = int(total / unit)
        numerators = [units * weight for weight in whole]
        floors = [int(numerator // weight_sum) for numerator in numerators]
        remainders = [
            numerator - floor * weight_sum
            for numerator, floor in zip(numerators, floors, strict=True)
        ]
    left = units - sum(floors)
    by_remainder = sorted(range(len(whole)), key=lambda index: -remainders[index])
    for index in by_remainder[:left]:
        floors[index] += 1
    return [round_half_even(count * unit, places=places) for count in floors]


def plain(amount: Decimal) -> str:
    """`amount` in plain digits, never an exponent, without zeros that say nothing: `1250.5`.

    What is stored has eighteen decimals; nobody should have to read them.
    """
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
