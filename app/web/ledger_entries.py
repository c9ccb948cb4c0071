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
from app.web.api import LIMIT_DEFAULT, Cursor, Envelope, Limit, Sort, envelope, in_utc, page_in
from app.web.export import Sheet, amount, day, instant, text
from app.web.fields import day_begins, day_ends, id_of, id_or_words, name_in, taken
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer

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


async def _told(chosen: EntryFilter) -> Mapping[str, str]:
    if chosen.book_id is None:
        return {}
    return {"book": name_in(await books(), chosen.book_id)}


LIST = ListOf(
    path="/ledger/entries",
    fields=("book", "operation", "q", "subject", "from", "to"),
    sorting=ENTRIES,
    chosen=_chosen,
    read=entries,
    count=entry_count,
    sheet=SHEET,
    told=_told,
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
        shown = await LIST.shown(request)
        page = EntriesPage(rows=shown.rows, books=await books(), listed=shown.listed)
        return Page("ledger/entries.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("ledger:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LIST.export(request)


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
        found, page = await page_in(
            ENTRIES,
            entries,
            EntryFilter(
                book_id=book,
                operation=taken({"operation": operation}, ("operation",))["operation"],
                subject_id=subject,
                recorded_from=in_utc(since, field="from"),
                recorded_before=in_utc(until, field="to"),
            ),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return envelope(request, list(found), page=page)


PAGES: list[Any] = [LedgerEntries]
ROUTES: list[Any] = [Entries]
