"""The penalty for leaving before maturity."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from app.kernel.money import EXACT, round_half_even


def early_exit_penalty(
    *, principal: Decimal, rate: Decimal, term_days: int, remaining_days: int, places: int
) -> Decimal:
    """`principal × rate × remaining_days / term_days`, rounded half even to `places`.

    `rate` is a fraction of the principal for the whole term. Raises `ValueError` unless
    0 ≤ remaining_days ≤ term_days and term_days > 0.
    """
    if term_days <= 0 or not 0 <= remaining_days <= term_days:
        raise ValueError("remaining days must lie within the term")
    exact = EXACT.divide(
        EXACT.multiply(EXACT.multiply(principal, rate), Decimal(remaining_days)), Decimal(term_days)
    )
    return round_half_even(exact, places=places)


def remaining_days(*, matures_on: date, requested_on: date) -> int:
    """Days from the request to maturity; on maturity day itself, and after it, none."""
    return max(0, (matures_on - requested_on).days)
