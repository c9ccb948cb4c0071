"""Lists: what an address filters and sorts by, and what the frame around the rows shows of it.

The same fields come from an address (`fields_of`) and from the form that takes the list out as a
file, so that a file holds exactly what the page shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.kernel.errors import InputInvalid
from app.kernel.sorting import Order, Slice
from app.web.forms import refuse_control_characters
from app.web.viewer import PortalRequest

PAGE_SIZE = 50
# Counting further costs more than anybody learns from it.
COUNTED_MAX = 10_000
YEARS = range(1970, 3000)
Choice = TypeVar("Choice", bound=StrEnum)


class Named(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def name(self) -> str: ...


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list, for its frame. `filters` holds every field of the filter, empty or not;
    `total` is how many rows match, counted up to one more than `COUNTED_MAX`, `shown` how
    many stand here; `names` is what ids in the filter name."""

    path: str
    filters: dict[str, str]
    order: Order
    is_default_order: bool
    total: int
    shown: int
    next_cursor: str | None
    names: dict[str, str]

    @property
    def told(self) -> dict[str, str]:
        """The filters that were given, in words: an id by the name of what it names."""
        return {name: self.names.get(name, value) for name, value in self.given.items()}

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in self.filters.items() if value}

    @property
    def query(self) -> dict[str, str]:
        """What makes this list what it is, for its address and for the form of its file."""
        sort = {} if self.is_default_order else {"sort": self.order.text}
        return {**self.given, **sort}

    @property
    def total_in_words(self) -> str:
        if self.total > COUNTED_MAX:
            return f"more than {COUNTED_MAX:,}"
        return f"{self.total:,}"

    @property
    def next_address(self) -> str:
        """Where the list goes on; empty at its end."""
        return self._address({"cursor": self.next_cursor}) if self.next_cursor else ""

    def filtered(self, **changes: str) -> str:
        """The address of the first page with other filters, in the same order."""
        return self._address(changes)

    def without(self, names: Sequence[str]) -> str:
        """The address of the first page without these filters, in the same order."""
        return self._address(dict.fromkeys(names))

    def sorted_by(self, name: str) -> str:
        """The address of the first page in the order of a column: rising first, then falling."""
        falls = self.order.name == name and not self.order.is_descending
        return self._address({"sort": f"-{name}" if falls else name})

    def direction(self, name: str) -> str:
        """As `aria-sort` has it; empty for a column that the list is not sorted by."""
        if self.order.name != name:
            return ""
        return "descending" if self.order.is_descending else "ascending"

    def _address(self, changes: Mapping[str, str | None]) -> str:
        query = {name: value for name, value in {**self.query, **changes}.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path


def listed(
    *,
    path: str,
    fields: Mapping[str, str],
    order: Order,
    default: Order,
    rows: Slice[Any],
    total: int,
    names: Mapping[str, str] | None = None,
) -> Listed:
    filters = {name: value for name, value in fields.items() if name not in ("sort", "cursor")}
    return Listed(
        path=path,
        filters=filters,
        order=order,
        is_default_order=order == default,
        total=total,
        shown=len(rows),
        names=dict(names or {}),
        next_cursor=order.cursor(rows.place),
    )


def fields_of(request: PortalRequest, names: Sequence[str]) -> dict[str, str]:
    """The filter's fields as the address has them, and `sort` and `cursor`; empty where not given.

    Raises `InputInvalid` for what no field may hold.
    """
    return taken(request.query_params, (*names, "sort", "cursor"))


def taken(given: Mapping[str, str | None], names: Sequence[str]) -> dict[str, str]:
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
