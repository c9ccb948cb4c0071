"""Units for a deposit."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.kernel.money import EXACT, round_down, round_half_even

UNIT_PLACES = 8


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """`deposit = entry_fee + invested + remainder`, and `invested` buys `units` exactly."""

    entry_fee: Decimal
    units: Decimal
    invested: Decimal
    remainder: Decimal


def issue_units(
    *, deposit: Decimal, entry_fee_rate: Decimal, nav_per_unit: Decimal, places: int
) -> Issue:
    """`units = (deposit − entry fee) / NAV per unit`, rounded down to 8 places.

    The fee is rounded half even to `places`. What rounding leaves over is the remainder, in the
    product's asset, for the book's rounding account. Raises `ValueError` for a NAV of zero or less.
    """
    if nav_per_unit <= 0:
        raise ValueError("NAV per unit must be above zero")
    entry_fee = round_half_even(EXACT.multiply(deposit, entry_fee_rate), places=places)
    value = deposit - entry_fee
    units = round_down(EXACT.divide(value, nav_per_unit), places=UNIT_PLACES)
    # Up to 16 decimals (8 of the units, 8 of the NAV): what the ledger holds exactly.
    invested = EXACT.multiply(units, nav_per_unit)
    return Issue(entry_fee=entry_fee, units=units, invested=invested, remainder=value - invested)


def nav_per_unit(*, net_assets: Decimal, units_outstanding: Decimal) -> Decimal:
    """Net assets over units outstanding, half even at 8 places; 1 before there are any units."""
    if units_outstanding == 0:
        return Decimal(1)
    return round_half_even(EXACT.divide(net_assets, units_outstanding), places=UNIT_PLACES)
