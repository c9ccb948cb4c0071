"""A list, said once (`ListOf`): what its address filters and sorts by, its rows, how many there are,
and its columns. The page and the file come from it, so that a file holds exactly what the page shows.

REST has filters of its own kinds (instants for days, ids as they are), and the same orders and query:
`app.web.api.page_in`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar.response import Stream

from app.kernel.sorting import Count, Order, Read, Slice, Sorting
from app.web.export import Sheet, export_of
from app.web.fields import taken
from app.web.forms import read_form
from app.web.viewer import PortalRequest, Viewer, viewer_of

PAGE_SIZE = 50
# Counting further costs more than anybody learns from it.
COUNTED_MAX = 10_000
# How much of a list an address has: its order, and where a page goes on.
PLACE_FIELDS = ("sort", "cursor")
F = TypeVar("F")
R = TypeVar("R")


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list, for its frame. `filters` holds every field of the filter, empty or not;
    `total` is how many rows match, counted up to one more than `COUNTED_MAX`, `shown` how
    many stand here; `words` is what the list says of its filter, see `ListOf.told`."""

    path: str
    filters: dict[str, str]
    order: Order
    is_default_order: bool
    total: int
    shown: int
    next_cursor: str | None
    words: dict[str, str]

    @property
    def told(self) -> dict[str, str]:
        """The filters that were given, in words."""
        return {name: self.words.get(name, value) for name, value in self.given.items()}

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


class Shown(NamedTuple, Generic[F, R]):
    """A page of a list: its rows, its frame, and the filter that it was read by."""

    rows: Slice[R]
    listed: Listed
    chosen: F


async def _nothing_more(_: Any) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class ListOf(Generic[F, R]):
    """A list at `path`. `fields` are those of its filter, which `chosen` makes of them (it raises
    `InputInvalid`); `told` says of a filter what its fields do not: what an id in it names, and what
    is left out without being asked.
    """

    path: str
    fields: Sequence[str]
    sorting: Sorting
    chosen: Callable[[Mapping[str, str], Viewer], F]
    read: Read[F, R]
    count: Count[F]
    sheet: Sheet
    told: Callable[[F], Awaitable[Mapping[str, str]]] = _nothing_more

    def fields_of(self, given: Mapping[str, str | None]) -> dict[str, str]:
        """Those of the filter, with order and place; empty where an address or a form has none."""
        return taken(given, (*self.fields, *PLACE_FIELDS))

    async def shown(
        self, request: PortalRequest, fields: Mapping[str, str] | None = None
    ) -> Shown[F, R]:
        """The page that the address asks for, or `fields` do. Needs the open unit of work."""
        if fields is None:
            fields = self.fields_of(request.query_params)
        order = self.sorting.order(fields["sort"])
        chosen = self.chosen(fields, viewer_of(request))
        rows = await self.read(
            chosen=chosen,
            order=order,
            after=order.place(fields["cursor"] or None),
            limit=PAGE_SIZE,
        )
        listed = Listed(
            path=self.path,
            filters={name: fields[name] for name in self.fields},
            order=order,
            is_default_order=order == self.sorting.default,
            total=await self.count(chosen=chosen, limit=COUNTED_MAX + 1),
            shown=len(rows),
            words=dict(await self.told(chosen)),
            next_cursor=order.cursor(rows.place),
        )
        return Shown(rows, listed, chosen)

    async def export(self, request: PortalRequest) -> Stream:
        """Every row of the filter, not of the page, in the order of the page, as the file that the
        form asks for. Raises what `export_of` does."""
        form = await read_form(request)
        fields = taken(form, self.fields)
        order = self.sorting.order(form.get("sort"))
        chosen = self.chosen(fields, viewer_of(request))
        return await export_of(
            request,
            self.sheet,
            read=lambda after, limit: self.read(
                chosen=chosen, order=order, after=after, limit=limit
            ),
            sort=order.text,
            form=form,
            filters=fields,
            tell=lambda: self.told(chosen),
        )
