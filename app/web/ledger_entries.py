"""The ledger's entries as a list: as a page, as a file, and over REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from app.kernel.ledger.entries import ENTRIES, EntryFilter, entries, entry_count
from app.kernel.ledger.queries import books
from app.kernel.ledger.values import BookView, EntryRow
from app.web.api import LIMIT_DEFAULT, Cursor, Envelope, Limit, PageInfo, Sort, envelope, in_utc
from app.web.export import Sheet, amount, day, export_of, instant, text
from app.web.forms import read_form
from app.web.guards import requires
from app.web.listing import (
    COUNTED_MAX,
    PAGE_SIZE,
    Listed,
    day_begins,
    day_ends,
    fields_of,
    id_of,
    id_or_words,
    listed,
    name_in,
    taken,
)
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

FIELDS = ("book", "operation", "q", "subject", "from", "to")
SHEET = Sheet(
    name="ledger_entries",
    title="Ledger entries",
    columns=[
        instant("recorded_at", lambda row: row.recorded_at, "Posted at"),
        day("effective_on", lambda row: row.effective_on, "Counts from"),
        text("book", lambda row: row.book_name),
        text("operation", lambda row: row.operation),
        text("narrative", lambda row: row.narrative),
        text("subject_kind", lambda row: row.subject_kind, "For"),
        text("subject_id", lambda row: row.subject_id, "Id of that"),
        amount("postings", lambda row: row.postings),
        text("reverses_id", lambda row: row.reverses_id, "Reverses"),
        text("id", lambda row: row.id, "Entry"),
    ],
)


class EntriesPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[EntryRow]
    books: list[BookView]
    listed: Listed


class LedgerEntries(Controller):
    path = "/ledger/entries"

    @get("/", guards=[requires("ledger:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        fields = fields_of(request, FIELDS)
        order = ENTRIES.order(fields["sort"])
        chosen = _chosen(fields, viewer_of(request))
        rows = await entries(
            chosen=chosen, order=order, after=order.place(fields["cursor"] or None), limit=PAGE_SIZE
        )
        known = await books()
        page = EntriesPage(
            rows=rows,
            books=known,
            listed=listed(
                path="/ledger/entries",
                fields=fields,
                order=order,
                default=ENTRIES.default,
                rows=rows,
                total=await entry_count(chosen=chosen, limit=COUNTED_MAX + 1),
                names={"book": name_in(known, chosen.book_id)},
            ),
        )
        return Page("ledger/entries.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("ledger:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every entry of the filter, not of the page, in the order of the page."""
        form = await read_form(request)
        fields = taken(form, FIELDS)
        order = ENTRIES.order(form.get("sort"))
        chosen = _chosen(fields, viewer_of(request))

        async def tell() -> Mapping[str, str]:
            if chosen.book_id is None:
                return {}
            return {"book": name_in(await books(), chosen.book_id)}

        return await export_of(
            request,
            SHEET,
            read=lambda after, limit: entries(chosen=chosen, order=order, after=after, limit=limit),
            sort=order.text,
            form=form,
            filters=fields,
            tell=tell,
        )


class Entries(Controller):
    path = "/ledger/entries"
    tags = ["Ledger"]

    @get(
        "/",
        guards=[requires("ledger:read")],
        rules={"from": ["OUT_OF_RANGE"], "to": ["OUT_OF_RANGE"]},
        summary="Entries, the last posted first",
    )
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        book: FromQuery[UUID | None] = None,
        operation: FromQuery[str | None] = None,
        subject: FromQuery[UUID | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[EntryRow]]:
        """`operation` is what theirs begins with; `from` and `to` are when they were posted. Sorted
        by recorded_at, the latest first unless said otherwise. One entry has its postings."""
        order = ENTRIES.order(sort)
        found = await entries(
            chosen=EntryFilter(
                book_id=book,
                operation=taken({"operation": operation}, ("operation",))["operation"],
                subject_id=subject,
                recorded_from=in_utc(since, field="from"),
                recorded_before=in_utc(until, field="to"),
            ),
            order=order,
            after=order.place(cursor),
            limit=limit,
        )
        page = PageInfo(limit=limit, next_cursor=order.cursor(found.place))
        return envelope(request, list(found), page=page)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> EntryFilter:
    """A subject is an id or a kind; days are whole days of the tenant. Raises `InputInvalid`."""
    subject_id, subject_kind = id_or_words(fields["subject"])
    return EntryFilter(
        book_id=id_of(fields["book"], field="book"),
        operation=fields["operation"],
        words=fields["q"],
        subject_id=subject_id,
        subject_kind=subject_kind.lower().replace(" ", "_") or None,
        recorded_from=day_begins(fields["from"], field="from", zone=viewer.time_zone),
        recorded_before=day_ends(fields["to"], field="to", zone=viewer.time_zone),
    )


PAGES: list[Any] = [LedgerEntries]
ROUTES: list[Any] = [Entries]
