"""REST over the ledger: accounts, an account's statement and balance, an entry. Lists of entries
stand beside their page, in `ledger_entries.py`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from app.domains.investments.queries.row_scope import visible_entry
from app.kernel.ledger.queries import (
    ACCOUNTS,
    AccountFilter,
    account,
    accounts,
    balance,
    balances,
)
from app.kernel.ledger.statement import StatementFilter, statement
from app.kernel.money import ZERO, Money, plain
from app.web.api import (
    INSTANT_RULES,
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    Sort,
    envelope,
    page_in,
    page_of,
    zoned,
)
from app.web.fields import taken
from app.web.guards import requires
from app.web.kernel_schemas import (
    AccountOut,
    BalanceOut,
    EntryOut,
    StatementLineOut,
    entry_out,
    statement_line_out,
)
from app.web.statement_place import read_place
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Ledger(Controller):
    path = "/ledger"
    tags = ["Ledger"]

    @get("/accounts", guards=[requires("ledger:read")], summary="Accounts with their balances")
    @transactional(read_only=True)
    async def accounts(
        self,
        request: PortalRequest,
        owner: FromQuery[UUID | None] = None,
        book: FromQuery[UUID | None] = None,
        asset: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        name: FromQuery[str | None] = None,
        sort: Sort = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[AccountOut]]:
        """`asset` and `kind` are what theirs begin with, `name` is any part of theirs. Sorted by
        opened_at (unless said otherwise), name, book, kind or asset."""
        words = taken({"asset": asset, "kind": kind, "name": name}, ("asset", "kind", "name"))
        shown, page = await page_in(
            ACCOUNTS,
            accounts,
            AccountFilter(book_id=book, owner_id=owner, **words),
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        held = await balances(account_ids=[view.id for view in shown])
        data = [
            AccountOut(
                id=view.id,
                book_id=view.book_id,
                owner_id=view.owner_id,
                kind=view.kind,
                name=view.name,
                balance=Money(plain(held.get(view.id, ZERO)), view.asset),
            )
            for view in shown
        ]
        return envelope(request, data, page=page)

    @get(
        "/accounts/{account_id:uuid}/statement",
        guards=[requires("ledger:read")],
        rules={"from": INSTANT_RULES, "to": INSTANT_RULES},
        summary="An account's postings, the last posted first, each with the balance after it",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def statement(
        self,
        request: PortalRequest,
        account_id: FromPath[UUID],
        operation: FromQuery[str | None] = None,
        since: Annotated[datetime | None, QueryParameter(name="from")] = None,
        until: Annotated[datetime | None, QueryParameter(name="to")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Envelope[list[StatementLineOut]]:
        """`operation` is what theirs begins with; `from` and `to` are when they were posted, the
        end left out. The balance after each is that of all postings, whatever is filtered."""
        view = await account(account_id=account_id)
        found = await statement(
            account_id=account_id,
            chosen=StatementFilter(
                operation=taken({"operation": operation}, ("operation",))["operation"],
                recorded_from=zoned(since, field="from"),
                recorded_before=zoned(until, field="to"),
            ),
            after=read_place(cursor),
            limit=limit + 1,
        )
        shown, page = page_of(found, limit, lambda line: line.at.written)
        return envelope(request, [statement_line_out(view, line) for line in shown], page=page)

    @get(
        "/accounts/{account_id:uuid}/balance",
        guards=[requires("ledger:read")],
        rules={"known_at": INSTANT_RULES},
        summary="A balance as of a date, as it was known at a time",
    )
    @transactional(read_only=True)
    async def balance(
        self,
        request: PortalRequest,
        account_id: FromPath[UUID],
        as_of: FromQuery[date | None] = None,
        known_at: FromQuery[datetime | None] = None,
    ) -> Envelope[BalanceOut]:
        known_at = zoned(known_at, field="known_at")
        amount = await balance(account_id=account_id, as_of=as_of, known_at=known_at)
        asset = (await account(account_id=account_id)).asset
        found = BalanceOut(
            account_id=account_id,
            balance=Money(plain(amount), asset),
            as_of=as_of,
            known_at=known_at,
        )
        return envelope(request, found)

    @get(
        "/entries/{entry_id:uuid}",
        guards=[requires("ledger:read", "ledger:read_own")],
        summary="One entry; a member sees those on their own accounts",
    )
    @transactional(read_only=True)
    async def entry(self, request: PortalRequest, entry_id: FromPath[UUID]) -> Envelope[EntryOut]:
        """Of an entry that moves something for several clients, a member sees their own part."""
        return envelope(request, entry_out((await visible_entry(entry_id=entry_id)).entry))


ROUTES: list[Any] = [Ledger]
