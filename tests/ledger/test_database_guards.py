"""What the database refuses whoever asks: here a superuser does, past grants and row security."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries
from tests.support.books import Book, a_book
from tests.support.database import DatabaseUrls, TestTenant, connected


async def _posted(tenant: TestTenant) -> tuple[Book, UUID]:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
    return book, entry_id


@pytest.mark.parametrize(
    "table", ["ledger_entry", "ledger_posting", "ledger_account", "ledger_snapshot"]
)
async def test_append_only_tables_refuse_update_delete_and_truncate(
    tenant: TestTenant, database: DatabaseUrls, table: str
) -> None:
    await _posted(tenant)
    async with connected(database.admin) as admin:
        if table != "ledger_snapshot":
            for sql in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                    await admin.execute(f"{sql} WHERE tenant_id = $1", tenant.id)
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await admin.execute(f"TRUNCATE {table} CASCADE")


async def test_nobody_adds_postings_to_an_entry_that_is_there(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    book, entry_id = await _posted(tenant)
    async with connected(database.admin) as admin:
        with pytest.raises(asyncpg.RestrictViolationError, match="is complete"):
            await admin.execute(
                "INSERT INTO ledger_posting "
                "(tenant_id, entry_id, position, account_id, book_id, asset, amount) "
                "VALUES ($1, $2, 2, $3, $5, 'USD', 1), ($1, $2, 3, $4, $5, 'USD', -1)",
                tenant.id,
                entry_id,
                book.house,
                book.clients[0],
                book.id,
            )


_ENTRY = (
    "INSERT INTO ledger_entry (tenant_id, id, book_id, idempotency_key, operation, subject_kind,"
    " subject_id, effective_on, narrative)"
    " VALUES ($1, $2, $3, $2::uuid::text, 'test', 'x', $2, current_date, '') RETURNING 1"
)
_POSTINGS = (
    "INSERT INTO ledger_posting (tenant_id, entry_id, position, account_id, book_id, asset, amount)"
)


async def test_a_posting_names_an_account_and_an_entry_of_its_book_and_asset(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    """As the foreign keys say, which are not enforced: the trigger does."""
    book, _ = await _posted(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        other = await a_book()
    nobody, entry_id = new_id(), new_id()
    account, entry = "names account", "is not there, or is of another book"
    async with connected(database.admin) as admin:
        for in_book, from_account, to_account, asset, refusal in (
            (book.id, book.house, nobody, "USD", account),
            (book.id, book.house, other.house, "USD", account),
            (book.id, book.house, book.clients[0], "EUR", account),
            (other.id, other.house, other.clients[0], "USD", entry),
        ):
            with pytest.raises(asyncpg.ForeignKeyViolationError, match=refusal):
                await admin.execute(
                    f"WITH e AS ({_ENTRY}) {_POSTINGS} SELECT $1, $2, line, account, $4, $7, amount"
                    " FROM e, (VALUES (0, $5::uuid, 1), (1, $6::uuid, -1)) AS given"
                    " (line, account, amount)",
                    tenant.id,
                    entry_id,
                    book.id,
                    in_book,
                    from_account,
                    to_account,
                    asset,
                )
        with pytest.raises(asyncpg.ForeignKeyViolationError, match=entry):
            await admin.execute(
                f"{_POSTINGS} VALUES ($1, $2, 0, $4, $3, 'USD', 1), ($1, $2, 1, $5, $3, 'USD', -1)",
                tenant.id,
                nobody,
                book.id,
                book.house,
                book.clients[0],
            )


async def test_an_entry_of_a_book_that_is_not_there_is_refused(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    book, _ = await _posted(tenant)
    entry_id, nowhere = new_id(), new_id()
    async with connected(database.admin) as admin:
        for in_book in (nowhere, book.id):
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await admin.execute(
                    f"WITH e AS ({_ENTRY}) {_POSTINGS} SELECT $1, $2, line, account, $4, 'USD',"
                    " amount FROM e, (VALUES (0, $5::uuid, 1), (1, $6::uuid, -1)) AS given"
                    " (line, account, amount)",
                    tenant.id,
                    entry_id,
                    nowhere,
                    in_book,
                    book.house,
                    book.clients[0],
                )


async def test_an_entry_without_postings_is_refused(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    book, _ = await _posted(tenant)
    async with connected(database.admin) as admin:
        with pytest.raises(asyncpg.CheckViolationError, match="has no postings"):
            await admin.execute(
                "INSERT INTO ledger_entry (tenant_id, id, book_id, idempotency_key, operation, "
                "subject_kind, subject_id, effective_on, narrative) "
                "VALUES ($1, gen_random_uuid(), $2, 'bare', 'test', 'x', $2, current_date, '')",
                tenant.id,
                book.id,
            )


async def test_a_balance_row_never_goes_below_zero_nor_to_nan(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    book, _ = await _posted(tenant)
    async with connected(database.admin) as admin:
        for value in ("-0.01", "NaN"):
            with pytest.raises(asyncpg.CheckViolationError, match="ledger_balance_floor"):
                await admin.execute(
                    f"UPDATE ledger_balance SET balance = '{value}' WHERE account_id = $1",
                    book.clients[0],
                )
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await admin.execute(
                "INSERT INTO ledger_balance (tenant_id, account_id) VALUES ($1, $2)",
                tenant.id,
                book.house,
            )
