"""The REST interface's envelope, and the numbers in it.

Handlers annotate what they return as `Envelope[Something]` and build it with `envelope(…)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from app.kernel.database import current
from app.kernel.errors import InputInvalid
from app.kernel.money import Money, plain, round_half_even
from app.kernel.sorting import CURSOR_MAX, Read, Slice, Sorting
from app.web.trace import trace_of
from app.web.viewer import PortalRequest

T = TypeVar("T")
V = TypeVar("V")
C = TypeVar("C")
LIMIT_DEFAULT = 50
LIMIT_MAX = 200

# What `zoned` refuses.
INSTANT_RULES = ["NO_TIME_ZONE", "OUT_OF_RANGE"]

# The query parameters of every list.
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="Rows a page")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=CURSOR_MAX, description="`next_cursor` of the page before"),
]
Sort = Annotated[
    str | None,
    QueryParameter(
        max_length=100, description="What to sort by; with a minus before it, the other way"
    ),
]


class PageInfo(msgspec.Struct, frozen=True, kw_only=True):
    limit: int
    next_cursor: str | None


class Meta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`timestamp` is business time; `page` is there for lists."""

    timestamp: datetime
    request_id: str
    version: str
    page: PageInfo | None = None


class Envelope(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    data: T
    meta: Meta
    links: dict[str, str]


def envelope(
    request: PortalRequest,
    data: T,
    *,
    page: PageInfo | None = None,
    self_url: str | None = None,
) -> Envelope[T]:
    """`data` with what every answer carries. Needs the open unit of work, for its time."""
    path = request.url.path
    query: dict[str, Any] = dict(request.query_params)
    links = {"self": self_url or (f"{path}?{urlencode(query)}" if query else path)}
    if page is not None and page.next_cursor is not None:
        links["next"] = f"{path}?{urlencode(query | {'cursor': page.next_cursor})}"
    return Envelope(
        data=data,
        meta=Meta(
            timestamp=current().now.replace(microsecond=0),
            request_id=trace_of(request).request_id,
            version="v1",
            page=page,
        ),
        links=links,
    )


def page_of(
    found: Sequence[V], limit: int, cursor: Callable[[V], object]
) -> tuple[Sequence[V], PageInfo]:
    """Of a list in one order: the first `limit` rows of `found`, which was read one row further, and
    where the page ends.

    `cursor` makes of the last row shown what the query's `after` takes.
    """
    shown = found[:limit]
    next_cursor = str(cursor(shown[-1])) if len(found) > limit else None
    return shown, PageInfo(limit=limit, next_cursor=next_cursor)


async def page_in(
    sorting: Sorting,
    read: Read[C, V],
    chosen: C,
    *,
    sort: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[Slice[V], PageInfo]:
    """A page of a list that can be sorted, read by the same query as the page's in the portal.

    Raises `InputInvalid` for an order that it has not, and for a cursor of another order.
    """
    order = sorting.order(sort)
    found = await read(chosen=chosen, order=order, after=order.place(cursor), limit=limit)
    return found, PageInfo(limit=limit, next_cursor=order.cursor(found.place))


def money(amount: Decimal, asset: str, *, places: int | None = None) -> Money:
    """An amount as the API writes it; with `places`, at exactly so many decimals."""
    return Money(plain(amount if places is None else round_half_even(amount, places=places)), asset)


def in_utc(instant: datetime | None, *, field: str) -> datetime | None:
    """`instant` in UTC; without a zone it is taken to be. Raises `InputInvalid` at the ends of time."""
    if instant is None or instant.tzinfo is None:
        return instant and instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise InputInvalid.of(field, "OUT_OF_RANGE", "Write an instant of our time") from error


def zoned(instant: datetime | None, *, field: str) -> datetime | None:
    """`instant` in UTC; raises `InputInvalid` by `INSTANT_RULES`: without its zone it could mean any."""
    if instant is not None and instant.tzinfo is None:
        raise InputInvalid.of(field, "NO_TIME_ZONE", "Write an instant with its zone, such as …Z")
    return in_utc(instant, field=field)


def cursor_id(cursor: str | None) -> UUID | None:
    """The identifier in a cursor of a list that is ordered by it. Raises `InputInvalid`."""
    if cursor is None:
        return None
    try:
        return UUID(cursor)
    except ValueError as error:
        raise InputInvalid.of(
            "cursor", "NOT_A_CURSOR", "Use the `next_cursor` of the page before"
        ) from error
