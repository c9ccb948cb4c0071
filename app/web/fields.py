"""From the fields of an address, or of a form, to what a query filters by.

Each raises `InputInvalid`, which names the field and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from app.kernel.errors import InputInvalid
from app.web.forms import refuse_control_characters

YEARS = range(1970, 3000)
Choice = TypeVar("Choice", bound=StrEnum)


class Named(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def name(self) -> str: ...


def taken(given: Mapping[str, str | None], names: Sequence[str]) -> dict[str, str]:
    """These fields, without spaces around; empty where not given."""
    fields = {}
    for name in names:
        text = given.get(name) or ""
        refuse_control_characters(text, field=name)
        fields[name] = text.strip()
    return fields


def name_in(things: Iterable[Named], wanted: UUID | None) -> str:
    """What the thing with this id is called; the id itself where it is not there."""
    return next((thing.name for thing in things if thing.id == wanted), str(wanted))


def choice_of(text: str, choices: type[Choice], *, field: str = "state") -> Choice | None:
    """The one that was chosen, none for all. Raises `InputInvalid` for one that does not exist."""
    if not text:
        return None
    try:
        return choices(text)
    except ValueError:
        raise InputInvalid.of(field, "UNKNOWN_STATE", f"One of {', '.join(choices)}") from None


def id_of(text: str, *, field: str) -> UUID | None:
    """Raises `InputInvalid` for what is no id."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InputInvalid.of(
            field, "INVALID", "Write the whole id, as the list shows it"
        ) from None


def id_or_words(text: str) -> tuple[UUID | None, str]:
    """An id, or else the text as it is: what is looked for may be given either way."""
    try:
        return UUID(text), ""
    except ValueError:
        return None, text


def day_begins(text: str, *, field: str, zone: str) -> datetime | None:
    """The first moment of the day in the zone."""
    day = _day(text, field=field)
    return None if day is None else datetime.combine(day, clock(), ZoneInfo(zone))


def day_ends(text: str, *, field: str, zone: str) -> datetime | None:
    """The first moment after the day in the zone."""
    day = _day(text, field=field)
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), clock(), ZoneInfo(zone))


def _day(text: str, *, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid.of(field, "INVALID", "Write a day as 2026-03-02") from error
    if day.year not in YEARS:
        raise InputInvalid.of(field, "OUT_OF_RANGE", "Write a day of our time")
    return day
