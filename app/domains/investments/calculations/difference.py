"""What a custodian's reading lacks or has too much against the ledger."""

from __future__ import annotations

from decimal import Decimal


def custody_difference(*, balance: Decimal, expected: Decimal, in_flight: Decimal) -> Decimal:
    """`balance − expected`; zero where payouts on their way explain it.

    `in_flight` is what is set aside for them, fees included: the custodian may have taken any of it
    already, or nothing yet. More than that is a difference, and so is anything too much.
    """
    found = balance - expected
    return Decimal(0) if -in_flight <= found <= 0 else found
