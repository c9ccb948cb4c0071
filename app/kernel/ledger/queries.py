"""Reading the ledger. All of it runs in the open unit of work, in its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.database import (
    TRANSACTION_SECONDS_MAX,
    current,
    fetch,
    fetch_row,
    fetch_value,
    matching,
)
from app.kernel.errors import NotFound
from app.kernel.ledger.values import (
    AccountView,
    BookView,
    EntryView,
    PostingView,
)
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

BOOKS_MAX = 200

_BALANCES = """
SELECT a.id, CASE WHEN a.floored THEN b.balance ELSE coalesce(s.balance, 0) + coalesce((
    SELECT sum(p.amount) FROM ledger_posting p
    WHERE p.tenant_id = a.tenant_id AND p.account_id = a.id
      AND p.xid >= coalesce(s.horizon, '0'::xid8)
  ), 0) END AS balance
FROM ledger_account a
LEFT JOIN ledger_balance b ON b.tenant_id = a.tenant_id AND b.account_id = a.id
LEFT JOIN LATERAL (
  SELECT s.horizon, s.balance FROM ledger_snapshot s
  WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id
    AND s.cluster_id = (SELECT cluster_identifier())
  ORDER BY s.horizon DESC LIMIT 1
) s ON NOT a.floored
WHERE a.tenant_id = $1 AND a.id = ANY($2)
"""


async def balances(*, account_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """What is on each account now. Accounts that are not there are left out."""
    rows = await fetch(_BALANCES, current().tenant, list(account_ids))
    return {row["id"]: row["balance"] for row in rows}


async def lock_balances(*, account_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """What is on each floored account, which nobody else changes until this unit of work ends.

    Locked in the order of their ids, as posting does, so that nobody deadlocks.
    """
    rows = await fetch(
        "SELECT account_id, balance FROM ledger_balance "
        "WHERE tenant_id = $1 AND account_id = ANY($2) ORDER BY account_id FOR NO KEY UPDATE",
        current().tenant,
        list(account_ids),
    )
    return {row["account_id"]: row["balance"] for row in rows}


async def balance(
    *, account_id: UUID, as_of: date | None = None, known_at: datetime | None = None
) -> Decimal:
    """What was on the account at the end of the day `as_of`, as the ledger knew it at `known_at`.

    Without either it is what is there now. `known_at` is business time, and taken no later than
    the longest transaction before now: what is still being posted would change the answer.
    Raises `NotFound`.
    """
    if as_of is None and known_at is None:
        found = await balances(account_ids=[account_id])
        if account_id not in found:
            raise NotFound()
        return found[account_id]
    settled = current().now - timedelta(seconds=TRANSACTION_SECONDS_MAX)
    amount: Decimal | None = await fetch_value(
        "SELECT (SELECT coalesce(sum(p.amount), 0) FROM ledger_posting p "
        "  JOIN ledger_entry e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id "
        "  WHERE p.tenant_id = a.tenant_id AND p.account_id = a.id "
        "    AND ($3::date IS NULL OR e.effective_on <= $3) "
        "    AND ($4::timestamptz IS NULL OR e.recorded_at <= $4)) "
        "FROM ledger_account a WHERE a.tenant_id = $1 AND a.id = $2",
        current().tenant,
        account_id,
        as_of,
        None if known_at is None else min(known_at, settled),
    )
    if amount is None:
        raise NotFound()
    return amount


_ENTRY = """
SELECT e.id, e.book_id, e.idempotency_key, e.operation, e.subject_kind, e.subject_id, e.actor_id,
  e.effective_on, e.recorded_at, e.narrative, e.reverses_id, r.id AS reversed_by_id
FROM ledger_entry e
LEFT JOIN ledger_entry r ON r.tenant_id = e.tenant_id AND r.reverses_id = e.id
WHERE e.tenant_id = $1 AND e.id = $2
"""


async def entry_view(*, entry_id: UUID) -> EntryView:
    """One entry with its postings in order. Raises `NotFound`."""
    tenant = current().tenant
    row = await fetch_row(_ENTRY, tenant, entry_id)
    if row is None:
        raise NotFound()
    postings = await fetch(
        "SELECT p.account_id, a.name AS account_name, a.kind AS account_kind, p.asset, p.amount "
        "FROM ledger_posting p "
        "JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.id = p.account_id "
        "WHERE p.tenant_id = $1 AND p.entry_id = $2 ORDER BY p.position",
        tenant,
        entry_id,
    )
    return EntryView(**row, postings=[PostingView(**posting) for posting in postings])


ACCOUNTS = Sorting(
    keys={
        "opened_at": SortKey("a.id", "uuid"),
        "name": SortKey("lower(a.name)", "text"),
        "book": SortKey("lower(k.name)", "text"),
        "kind": SortKey("a.kind", "text"),
        "asset": SortKey("a.asset", "text"),
    },
    default="opened_at",
    tie="a.id",
)


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`asset` and `kind` are what theirs begin with, `name` is any part of theirs."""

    book_id: UUID | None = None
    owner_id: UUID | None = None
    asset: str = ""
    kind: str = ""
    name: str = ""

    @property
    def arguments(self) -> tuple[Any, ...]:
        return current().tenant, *msgspec.structs.astuple(self)


EVERY_ACCOUNT = AccountFilter()
_ACCOUNT = "a.id, a.book_id, k.name AS book_name, a.asset, a.kind, a.owner_id, a.floored, a.name"
_MATCHING = """
FROM ledger_account a
JOIN ledger_book k ON k.tenant_id = a.tenant_id AND k.id = a.book_id
WHERE a.tenant_id = $1
  AND ($2::uuid IS NULL OR a.book_id = $2)
  AND ($3::uuid IS NULL OR a.owner_id = $3)
  AND starts_with(lower(a.asset), lower($4))
  AND starts_with(a.kind, replace(lower($5), ' ', '_'))
  AND position(lower($6) IN lower(a.name)) > 0
"""


async def accounts(
    *,
    chosen: AccountFilter = EVERY_ACCOUNT,
    order: Order = ACCOUNTS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[AccountView]:
    """Accounts of the tenant."""
    rows = await fetch(
        f"SELECT {_ACCOUNT}, {order.column} {_MATCHING} AND {order.behind(after, argument=7)}"
        f" {order.clause} LIMIT $9",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    names = AccountView.__struct_fields__
    views = [AccountView(**{name: row[name] for name in names}) for row in rows[:limit]]
    return order.sliced(rows, limit=limit, rows=views)


async def account_count(*, chosen: AccountFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)


async def account(*, account_id: UUID) -> AccountView:
    """One account. Raises `NotFound`."""
    row = await fetch_row(
        f"SELECT {_ACCOUNT} FROM ledger_account a "
        "JOIN ledger_book k ON k.tenant_id = a.tenant_id AND k.id = a.book_id "
        "WHERE a.tenant_id = $1 AND a.id = $2",
        current().tenant,
        account_id,
    )
    if row is None:
        raise NotFound()
    return AccountView(**row)


async def books(*, limit: int = BOOKS_MAX) -> list[BookView]:
    """The books by name: what a filter offers."""
    rows = await fetch(
        "SELECT id, name FROM ledger_book WHERE tenant_id = $1 ORDER BY name, id LIMIT $2",
        current().tenant,
        limit,
    )
    return [BookView(**row) for row in rows]
