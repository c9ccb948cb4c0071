"""How figures, times and words look to the viewer: the filters of every template.

Rendering is synchronous, so the viewer's locale and time zone stand in a context variable: macros
imported from other templates see no context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import get_decimal_symbol, get_group_symbol

from app.kernel.money import round_half_even

MINUS = "\N{MINUS SIGN}"
PLACES_MAX = 18

WORDS = {
    "pending_approval": "Pending approval",
    "pending_compliance": "Pending compliance",
    "approved": "Approved",
    "ready": "Ready for payout",
    "in_transit": "In transit",
    "completed": "Completed",
    "rejected": "Rejected",
    "cancelled": "Cancelled",
    "payout_failed": "Payout failed",
    "awaiting_client": "Awaiting client",
    "on_hold": "On hold",
    "rm": "Relationship manager",
    "admin": "Administrator",
    "nav_units": "NAV units",
    "kyc_pending": "Not passed yet",
    "kyc_passed": "Passed",
    "kyc_lapsed": "Lapsed",
    "kyc_refused": "Refused",
    "standing_good": "Good",
    "standing_deceased": "Deceased",
    "standing_sanctioned": "Sanctioned",
    "standing_under_review": "Under review",
}


class Look(msgspec.Struct, frozen=True):
    locale: str = "en"
    time_zone: str = "UTC"
    now: datetime | None = None


_PLAIN = Look()
_look: ContextVar[Look] = ContextVar("look", default=_PLAIN)


@contextmanager
def looking(look: Look) -> Iterator[None]:
    """Within, the filters write for this locale and time zone."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


@lru_cache(maxsize=32)
def _symbols(locale: str) -> tuple[str, str]:
    found = _locale(locale)
    return get_group_symbol(found), get_decimal_symbol(found)


@lru_cache(maxsize=32)
def _locale(locale: str) -> Locale:
    return Locale.parse(locale.replace("-", "_"))


def amount(value: Decimal | int, places: int, signed: bool = False) -> str:
    """`1,234.50`: exactly `places` decimals, ties to even; a minus that is one; a plus if `signed`."""
    rounded = round_half_even(Decimal(value), places=places)
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return sign + _separated(format(abs(rounded), f",.{places}f"))


def plain_amount(value: Decimal | int, places: int) -> str:
    """For fields of forms: plain digits and a point, as the parser of amounts reads them."""
    return format(round_half_even(Decimal(value), places=places), "f")


def units(value: Decimal | int) -> str:
    """Every digit there is, without zeros at the end."""
    return exact(value)


def exact(value: Decimal | int, asset: str = "") -> str:
    """Every digit there is; of money at least two decimals, so that a column of it lines up."""
    number = Decimal(value)
    whole, _, decimals = format(abs(number), f",.{PLACES_MAX}f").partition(".")
    decimals = decimals.rstrip("0")
    if asset and not asset.startswith("units"):
        decimals = decimals.ljust(2, "0")
    text = f"{whole}.{decimals}" if decimals else whole
    return (MINUS if number < 0 else "") + _separated(text)


def grouped(count: int) -> str:
    """How many: `1,196`."""
    return _separated(f"{count:,}")


def percent(value: Decimal | int) -> str:
    """A fraction as a percentage: 0.085 is `8.5%`."""
    return f"{units(Decimal(value) * 100)}%"


def _separated(text: str) -> str:
    group, point = _symbols(_look.get().locale)
    if (group, point) == (",", "."):
        return text
    return text.replace(",", "\0").replace(".", point).replace("\0", group)


def instant(value: datetime) -> str:
    """Day and time in the viewer's zone, which is named."""
    look = _look.get()
    local = value.astimezone(ZoneInfo(look.time_zone))
    text = format_datetime(local, "d MMM y, HH:mm", locale=_locale(look.locale))
    return f"{text} {local.tzname()}"


def typed_instant(value: datetime) -> str:
    """For a field of day and time, in the viewer's zone: what `forms.typed_instant` reads."""
    return value.astimezone(ZoneInfo(_look.get().time_zone)).strftime("%Y-%m-%dT%H:%M")


def zone(value: datetime) -> str:
    """The viewer's zone at that time, as `instant` names it."""
    return str(value.astimezone(ZoneInfo(_look.get().time_zone)).tzname())


def duration(seconds: int) -> str:
    """How long, in the two largest units that are not nothing: `3 h`, `2 d 4 h`, `12 min`."""
    whole = abs(int(seconds))
    parts = [(whole // 86400, "d"), (whole % 86400 // 3600, "h"), (whole % 3600 // 60, "min")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts))
    said = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(said) or "less than a minute"


def day(value: date | datetime) -> str:
    look = _look.get()
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(look.time_zone)).date()
    return str(format_date(value, "d MMM y", locale=_locale(look.locale)))


def ago(value: datetime) -> str:
    """How long before the page's own time: `5 minutes ago`."""
    look = _look.get()
    if look.now is None:
        return instant(value)
    return str(format_timedelta(value - look.now, add_direction=True, locale=_locale(look.locale)))


def seconds_ago(seconds: int) -> str:
    """How old a reading is in real time, which business time may be far ahead of."""
    if seconds < 1:
        return "just now"
    age = timedelta(seconds=-seconds)
    return str(format_timedelta(age, add_direction=True, locale=_locale(_look.get().locale)))


def words(state: str) -> str:
    """A state, kind or role in words."""
    text = str(state)
    return WORDS.get(text) or text.replace("_", " ").capitalize()


FILTERS = {
    "amount": amount,
    "plain_amount": plain_amount,
    "units": units,
    "exact": exact,
    "grouped": grouped,
    "percent": percent,
    "instant": instant,
    "day": day,
    "duration": duration,
    "typed_instant": typed_instant,
    "zone": zone,
    "ago": ago,
    "seconds_ago": seconds_ago,
    "words": words,
}
