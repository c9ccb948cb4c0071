"""The day in which requests are added up, and when the next one begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def day_ends_at(*, day: date, zone: str) -> datetime:
    """The first instant of the day after `day` in `zone`, in UTC.

    Where summer time begins at midnight there is no 00:00: then it is 01:00 on the clock.
    """
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
