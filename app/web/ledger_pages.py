"""The ledger as pages: accounts, an account's statement, an entry. All of it is read only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.identity.public import names_of
from app.domains.investments.forms import required_id
from app.domains.investments.queries.row_scope import visible_entry
from app.kernel.actors import Actor
from app.kernel.errors import InputInvalid
from app.kernel.ledger.queries import account, accounts, balances, books, statement
from app.kernel.ledger.values import (
    AccountView,
    BookView,
    EntryView,
    StatementLine,
    StatementPosition,
)
from app.kernel.money import ZERO
from app.web.api import cursor_id
from app.web.forms import refuse_control_characters
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50
TRANSACTION_MAX = 2**63 - 1
POSITION_MAX = 2**31 - 1
# Where the subject of an entry has a page: its address, and what one must be allowed to open it.
_SUBJECTS = {"redemption": ("/redemptions", "redemption:read")}


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    balance: Decimal


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[AccountRow]
    books: list[BookView]
    filters: dict[str, str]
    next_cursor: str | None


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    balance: Decimal
    lines: list[StatementLine]
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
    async def all(
        self,
        request: PortalRequest,
        book: FromQuery[str | None] = None,
        asset: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        name: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        filters = {"book": book, "asset": asset, "kind": kind, "name": name}
        chosen = {field: _filter(text, field=field) for field, text in filters.items()}
        found = await accounts(
            book_id=required_id(chosen["book"], field="book") if chosen["book"] else None,
            asset=chosen["asset"],
            kind=chosen["kind"],
            name=chosen["name"],
            after=cursor_id(cursor or None),
            limit=PAGE_SIZE + 1,
        )
        shown = found[:PAGE_SIZE]
        held = await balances(account_ids=[view.id for view in shown])
        page = AccountsPage(
            rows=[AccountRow(account=view, balance=held.get(view.id, ZERO)) for view in shown],
            books=await books(),
            filters=chosen,
            next_cursor=str(shown[-1].id) if len(found) > PAGE_SIZE else None,
        )
        return Page("ledger/accounts.html", {"page": page})

    @get("/accounts/{account_id:str}", guards=[requires("ledger:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def statement(
        self,
        request: PortalRequest,
        account_id: FromPath[str],
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        """The last posted first, each posting with the balance after it."""
        view = await account(account_id=required_id(account_id))
        after = _position(cursor)
        found = await statement(account_id=view.id, after=after, limit=PAGE_SIZE + 1)
        lines = found[:PAGE_SIZE]
        held = await balances(account_ids=[view.id])
        page = StatementPage(
            account=view,
            balance=held[view.id],
            lines=lines,
            is_first=after is None,
            next_cursor=_cursor(lines[-1].at) if len(found) > PAGE_SIZE else None,
        )
        return Page("ledger/statement.html", {"page": page})

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


def _filter(text: str | None, *, field: str) -> str:
    refuse_control_characters(text or "", field=field)
    return (text or "").strip()


def _cursor(at: StatementPosition) -> str:
    return f"{at.transaction}.{at.entry_id}.{at.position}"


def _position(cursor: str | None) -> StatementPosition | None:
    """Where the page before ended; raises `InputInvalid` for a cursor that is not ours."""
    if not cursor:
        return None
    try:
        transaction, entry_id, position = cursor.split(".")
        at = StatementPosition(int(transaction), UUID(entry_id), int(position))
        if not (0 <= at.transaction <= TRANSACTION_MAX and 0 <= at.position <= POSITION_MAX):
            raise ValueError
    except ValueError as error:
        raise InputInvalid.of("cursor", "NOT_A_CURSOR", "Start from the first page") from error
    return at


ROUTES: list[Any] = [LedgerPages]
