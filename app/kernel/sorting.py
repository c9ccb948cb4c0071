"""The order of a list as its reader chose it, and the place where one page of it ended.

A list says once what it can be sorted by (`Sorting`). `?sort=-net` chooses one (`Order`), which
writes the SQL of the query. A page goes on behind the last row of the page before: behind its value
*and* its id, so that rows of one value are neither shown twice nor left out, and rows that come or
go meanwhile move nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec

from app.kernel.crypto import sealed, unsealed
from app.kernel.errors import InputInvalid

Kind = Literal["text", "numeric", "timestamptz", "integer", "uuid"]
Row = TypeVar("Row")
Chosen = TypeVar("Chosen", contravariant=True)

CURSOR_MAX = 2000
_PURPOSE = "cursor"


class SortKey(msgspec.Struct, frozen=True):
    """An SQL expression that is never null (an instant that is not known yet is `infinity`), and
    the type of its value."""

    sql: str
    kind: Kind


class Place(NamedTuple):
    """The last row of a page: its value in the order, as PostgreSQL writes it, and its id."""

    value: str
    id: UUID


class Slice(list[Row]):
    """Rows of a list, and where it goes on; `place` is none at its end."""

    def __init__(self, rows: Sequence[Row] = (), place: Place | None = None) -> None:
        super().__init__(rows)
        self.place = place


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a list. `tie` is the SQL of the id that decides between equals."""

    name: str
    is_descending: bool
    key: SortKey
    tie: str

    @property
    def text(self) -> str:
        """As an address has it."""
        return f"-{self.name}" if self.is_descending else self.name

    @property
    def column(self) -> str:
        """For the select list: what the place of a row is made from."""
        return f"({self.key.sql})::text AS sort_value"

    @property
    def clause(self) -> str:
        way = "DESC" if self.is_descending else "ASC"
        return f"ORDER BY {self.key.sql} {way}, {self.tie} {way}"

    def behind(self, place: Place | None, *, argument: int) -> str:
        """The condition that leaves out what came before; takes `arguments(place)`, the first of
        which is the query's `$argument`."""
        compare = "<" if self.is_descending else ">"
        value, last = f"${argument}::text", f"${argument + 1}::uuid"
        if place is None:
            # Both arguments are always there, so that they keep their types and their numbers.
            return f"({value} IS NULL AND {last} IS NULL)"
        return f"({self.key.sql}, {self.tie}) {compare} ({value}::{self.key.kind}, {last})"

    @staticmethod
    def arguments(place: Place | None) -> tuple[str | None, UUID | None]:
        return (None, None) if place is None else (place.value, place.id)

    def sliced(
        self, records: Sequence[Any], *, limit: int, rows: Sequence[Row] | None = None
    ) -> Slice[Any]:
        """The first `limit` of `records`, of which one more was asked for, as `rows` of theirs."""
        shown = records[:limit]
        more = len(records) > limit and limit > 0
        place = Place(shown[-1]["sort_value"], shown[-1]["id"]) if more else None
        return Slice(shown if rows is None else rows, place)

    def cursor(self, place: Place | None) -> str | None:
        """The place as an address carries it: sealed, since addresses are shared and kept, and what
        somebody is worth is nobody else's business. It is of no use in another order."""
        if place is None:
            return None
        raw = sealed(_PURPOSE, msgspec.json.encode([self.text, place.value, place.id]))
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def place(self, cursor: str | None) -> Place | None:
        """Where the page before ended. Raises `InputInvalid` for a cursor that is not of this order."""
        if cursor is None:
            return None
        try:
            if len(cursor) > CURSOR_MAX:
                raise ValueError
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            text, value, last_id = msgspec.json.decode(
                unsealed(_PURPOSE, raw), type=tuple[str, str, UUID]
            )
            if text != self.text:
                raise ValueError
        except (ValueError, binascii.Error, msgspec.DecodeError) as error:
            raise InputInvalid.of(
                "cursor", "NOT_A_CURSOR", "Use the cursor of the page before, in the same order"
            ) from error
        return Place(value, last_id)


class Read(Protocol[Chosen, Row]):
    """The query of a list: at most `limit` rows that the filter `chosen` finds, behind a place."""

    def __call__(
        self, *, chosen: Chosen, order: Order, after: Place | None, limit: int
    ) -> Awaitable[Slice[Row]]: ...


class Count(Protocol[Chosen]):
    """How many rows the filter finds; not counted beyond `limit`."""

    def __call__(self, *, chosen: Chosen, limit: int) -> Awaitable[int]: ...


class Sorting:
    """What a list can be sorted by. `default` is an order of it, as an address has it."""

    def __init__(self, *, keys: Mapping[str, SortKey], default: str, tie: str) -> None:
        self.keys = keys
        self._tie = tie
        self.default = self.order(default)

    def order(self, text: str | None) -> Order:
        """The order that was asked for, or the default. Raises `InputInvalid` for any other."""
        if not text:
            return self.default
        name = text.removeprefix("-")
        if name not in self.keys:
            known = ", ".join(self.keys)
            raise InputInvalid.of(
                "sort", "UNKNOWN_SORT", f"One of {known}; with a minus before it, the other way"
            )
        return Order(
            name=name, is_descending=text.startswith("-"), key=self.keys[name], tie=self._tie
        )
