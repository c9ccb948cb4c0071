"""Yield of a fixed-yield subscription."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from app.kernel.money import EXACT, round_half_even

DAYS_OF_YEAR = Decimal(365)


def yield_accrued(*, principal: Decimal, apy: Decimal, days: int, places: int) -> Decimal:
    """`principal × ((1 + apy)^(days / 365) − 1)`, rounded half even to `places`.

    Compound growth at an annual percentage yield, actual days over 365. `apy` is a fraction (0.08
    for 8%); `days` is not negative. Raises `ValueError` otherwise.
    """
    if days < 0 or apy < 0 or principal < 0:
        raise ValueError("principal, apy and days must not be negative")
    return round_half_even(EXACT.multiply(principal, _growth(apy, days)), places=places)


# A day's accrual asks for the same few again and again: every subscription opened on one day, at
# one of the few rates that products offer. The power is what takes the time.
@lru_cache(maxsize=4096)
def _growth(apy: Decimal, days: int) -> Decimal:
    return EXACT.power(1 + apy, EXACT.divide(Decimal(days), DAYS_OF_YEAR)) - 1


def accrual_days(*, activated_on: date, matures_on: date, today: date) -> int:
    """Days that yield has accrued for: since activation, and no further than maturity."""
    return max(0, (min(today, matures_on) - activated_on).days)
