"""The ledger as pages: accounts, an account's statement, an entry. All of it is read only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from app.domains.identity.public import names_of
from app.domains.investments.forms import required_id
from app.domains.investments.queries.row_scope import visible_entry
from app.kernel.actors import Actor
from app.kernel.ledger.queries import (
    ACCOUNTS,
    AccountFilter,
    account,
    account_count,
    accounts,
    balances,
    books,
)
from app.kernel.ledger.statement import StatementFilter, statement
from app.kernel.ledger.values import (
    AccountView,
    BookView,
    EntryView,
    StatementLine,
)
from app.kernel.money import ZERO
from app.kernel.sorting import Order, Place, Slice
from app.web.export import Sheet, amount, day, export_of, instant, text
from app.web.fields import day_begins, day_ends, id_of, name_in, taken
from app.web.forms import read_form
from app.web.guards import requires
from app.web.listing import PAGE_SIZE, Listed, ListOf
from app.web.rendering import Page
from app.web.statement_place import read_place
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

STATEMENT_FIELDS = ("operation", "from", "to")
ACCOUNTS_SHEET = Sheet(
    name="ledger_accounts",
    title="Ledger accounts",
    columns=[
        text("name", lambda row: row.account.name, "Account"),
        text("book", lambda row: row.account.book_name),
        text("kind", lambda row: row.account.kind),
        text("asset", lambda row: row.account.asset),
        amount("balance", lambda row: row.balance),
        text("owner_id", lambda row: row.account.owner_id, "Owner"),
        text("id", lambda row: row.account.id, "Id"),
    ],
)
STATEMENT_SHEET = Sheet(
    name="statement",
    title="Statement",
    columns=[
        instant("recorded_at", lambda line: line.recorded_at, "Posted at"),
        day("effective_on", lambda line: line.effective_on, "Counts from"),
        text("operation", lambda line: line.operation),
        text("narrative", lambda line: line.narrative),
        amount("amount", lambda line: line.amount),
        amount("balance", lambda line: line.balance, "Balance after"),
        text("entry_id", lambda line: line.entry_id, "Entry"),
    ],
)
# Where the subject of an entry has a page: its address, and what one must be allowed to open it.
_SUBJECTS = {"redemption": ("/redemptions", "redemption:read")}


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    balance: Decimal


def _chosen(fields: Mapping[str, str], _: Viewer) -> AccountFilter:
    """Raises `InputInvalid` for what is no book."""
    return AccountFilter(
        book_id=id_of(fields["book"], field="book"),
        asset=fields["asset"],
        kind=fields["kind"],
        name=fields["name"],
    )


async def _rows(
    *, chosen: AccountFilter, order: Order, after: Place | None, limit: int
) -> Slice[AccountRow]:
    """Accounts with what is on them now."""
    found = await accounts(chosen=chosen, order=order, after=after, limit=limit)
    held = await balances(account_ids=[view.id for view in found])
    rows = [AccountRow(account=view, balance=held.get(view.id, ZERO)) for view in found]
    return Slice(rows, found.place)


async def _told(chosen: AccountFilter) -> Mapping[str, str]:
    if chosen.book_id is None:
        return {}
    return {"book": name_in(await books(), chosen.book_id)}


LIST = ListOf(
    path="/ledger/accounts",
    fields=("book", "asset", "kind", "name"),
    sorting=ACCOUNTS,
    chosen=_chosen,
    read=_rows,
    count=account_count,
    sheet=ACCOUNTS_SHEET,
    told=_told,
)


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[AccountRow]
    books: list[BookView]
    listed: Listed


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    balance: Decimal
    lines: list[StatementLine]
    filters: dict[str, str]
    given: dict[str, str]
    is_first: bool
    next_cursor: str | None


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """`subject_url` is empty where the subject has no page that this viewer may open."""

    entry: EntryView
    is_whole: bool
    actor_name: str
    subject_url: str
    opens_accounts: bool


class LedgerPages(Controller):
    path = "/ledger"

    @get("/accounts", guards=[requires("ledger:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await LIST.shown(request)
        page = AccountsPage(rows=shown.rows, books=await books(), listed=shown.listed)
        return Page("ledger/accounts.html", {"page": page})

    @post("/accounts/export", status_code=200, guards=[requires("ledger:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LIST.export(request)

    @get("/accounts/{account_id:str}", guards=[requires("ledger:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def statement(
        self,
        request: PortalRequest,
        account_id: FromPath[str],
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        """The last posted first, each posting with the balance after it, whatever is filtered."""
        view = await account(account_id=required_id(account_id))
        filters = taken(request.query_params, STATEMENT_FIELDS)
        after = read_place(cursor)
        found = await statement(
            account_id=view.id,
            chosen=_postings(filters, viewer_of(request)),
            after=after,
            limit=PAGE_SIZE + 1,
        )
        lines = found[:PAGE_SIZE]
        held = await balances(account_ids=[view.id])
        page = StatementPage(
            account=view,
            balance=held[view.id],
            lines=lines,
            filters=filters,
            given={name: value for name, value in filters.items() if value},
            is_first=after is None,
            next_cursor=lines[-1].at.written if len(found) > PAGE_SIZE else None,
        )
        return Page("ledger/statement.html", {"page": page})

    @post("/accounts/{account_id:str}/export", status_code=200, guards=[requires("ledger:read")])
    async def export_statement(self, request: PortalRequest, account_id: FromPath[str]) -> Stream:
        """Every posting of the filter, the last posted first."""
        form = await read_form(request)
        wanted = required_id(account_id)
        fields = taken(form, STATEMENT_FIELDS)
        chosen = _postings(fields, viewer_of(request))

        async def read(after: Place | None, limit: int) -> Slice[StatementLine]:
            found = await statement(
                account_id=wanted,
                chosen=chosen,
                after=read_place(after and after.value),
                limit=limit + 1,
            )
            lines = found[:limit]
            last = lines[-1] if len(found) > limit else None
            return Slice(lines, Place(last.at.written, last.entry_id) if last else None)

        async def tell() -> Mapping[str, str]:
            view = await account(account_id=wanted)
            return {"account": f"{view.name}, {view.book_name}, in {view.asset}"}

        return await export_of(
            request,
            STATEMENT_SHEET,
            read=read,
            sort="-posted_at",
            form=form,
            filters={"account": str(wanted), **fields},
            tell=tell,
        )

    @get("/entries/{entry_id:str}", guards=[requires("ledger:read", "ledger:read_own")])
    @transactional(read_only=True)
    async def entry(self, request: PortalRequest, entry_id: FromPath[str]) -> Page:
        actor = viewer_of(request).actor
        seen = await visible_entry(entry_id=required_id(entry_id))
        entry = seen.entry
        names = await names_of(membership_ids=[entry.actor_id] if entry.actor_id else [])
        page = EntryPage(
            entry=entry,
            is_whole=seen.is_whole,
            actor_name=names.get(entry.actor_id, "") if entry.actor_id else "The portal",
            subject_url=_subject_url(actor, entry.subject_kind, entry.subject_id),
            opens_accounts=actor.may("ledger:read"),
        )
        return Page("ledger/entry.html", {"page": page})


def _subject_url(actor: Actor, kind: str, subject_id: UUID) -> str:
    path, permission = _SUBJECTS.get(kind, ("", ""))
    return f"{path}/{subject_id}" if path and actor.may(permission) else ""


def _postings(fields: Mapping[str, str], viewer: Viewer) -> StatementFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    return StatementFilter(
        operation=fields["operation"],
        recorded_from=day_begins(fields["from"], field="from", zone=viewer.time_zone),
        recorded_before=day_ends(fields["to"], field="to", zone=viewer.time_zone),
    )


ROUTES: list[Any] = [LedgerPages]
