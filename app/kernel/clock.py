"""Business time: real time plus an offset that only demo and test environments may grow.

Operations take `now` from their unit of work, which reads it once. Tokens, sessions, leases and
limits live in real time, in the database's `clock_timestamp()`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.kernel.database import current, execute, fetch_value
from app.kernel.errors import InputInvalid

ADVANCE_SECONDS_MAX = 400 * 24 * 3600


async def advance_clock(*, seconds: int) -> datetime:
    """Move business time forward by `seconds` for every tenant, and return the new time.

    Raises `InputInvalid` for anything but 1 second to 400 days: time never goes back.
    The caller makes sure that the environment allows it.
    """
    if not 1 <= seconds <= ADVANCE_SECONDS_MAX:
        raise InputInvalid.of(
            "advance_seconds", "OUT_OF_RANGE", f"Must be from 1 to {ADVANCE_SECONDS_MAX}"
        )
    await execute("UPDATE clock SET offset_seconds = offset_seconds + $1 WHERE id = 1", seconds)
    moved: datetime = await fetch_value("SELECT app_now()")
    return moved


def business_now() -> datetime:
    return current().now


def local_date(instant: datetime, zone: str) -> date:
    """The calendar day of `instant` in `zone` (an IANA name)."""
    return instant.astimezone(ZoneInfo(zone)).date()


def day_began(instant: datetime, zone: str) -> datetime:
    """When the calendar day of `instant` in `zone` began."""
    return datetime.combine(local_date(instant, zone), time.min, tzinfo=ZoneInfo(zone))


def utc(instant: datetime) -> str:
    """RFC 3339 in UTC, to the second, as the API writes instants."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_words(instant: datetime) -> str:
    """`3 Jan 2026, 12:00 UTC`: for texts that are written once and read in any zone."""
    at = instant.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def seconds_until(due: datetime, now: datetime) -> int:
    """Whole seconds left, negative when late."""
    return int((due - now) // timedelta(seconds=1))
