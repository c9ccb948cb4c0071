"""When a term ends."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def matures_on(*, activated_on: date, months: int) -> date:
    """The same day of the month, `months` later; the month's last day where it has no such day."""
    index = activated_on.year * 12 + activated_on.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(activated_on.day, monthrange(year, month + 1)[1]))
