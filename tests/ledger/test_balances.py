"""Balances: now, as of a date, as known at a time, and from snapshots."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries, reverse_entry, take_snapshots
from app.kernel.ledger.queries import balance, balances, lock_balances
from tests.support.books import Book, a_book
from tests.support.database import DatabaseUrls, TestTenant, connected
from tests.support.horizon import everything_settled
from tests.support.invariants import assert_invariants_hold


async def test_as_of_a_date_counts_what_was_effective_by_then(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        client = book.clients[0]
        await post_entries(
            entries=[
                book.transfer(book.house, client, "1", on=date(2026, 1, 31)),
                book.transfer(book.house, client, "2", on=date(2026, 2, 1)),
                book.transfer(book.house, client, "4", on=date(2026, 3, 1)),
            ]
        )
        for day, expected in (("2026-01-30", 0), ("2026-01-31", 1), ("2026-02-28", 3)):
            assert await balance(account_id=client, as_of=date.fromisoformat(day)) == expected
        assert await balance(account_id=client) == 7
        assert await balance(account_id=book.house) == -7
        with pytest.raises(NotFound):
            await balance(account_id=new_id())
        with pytest.raises(NotFound):
            await balance(account_id=new_id(), as_of=date(2026, 1, 1))


async def test_as_known_at_a_time_leaves_out_what_was_recorded_later(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        book = await a_book()
        client = book.clients[0]
        [mistake] = await post_entries(entries=[book.transfer(book.house, client, "9")])
        before = unit.now
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await advance_clock(seconds=3600)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        await reverse_entry(entry_id=mistake, reason="mistake", idempotency_key="r")
        # What is still being posted may not change the answer later, so it is not asked.
        assert await balance(account_id=client, known_at=unit.now + timedelta(days=1)) == 9
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await advance_clock(seconds=3600)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        assert await balance(account_id=client, known_at=before) == 9
        assert await balance(account_id=client, known_at=before - timedelta(seconds=1)) == 0
        assert await balance(account_id=client, known_at=unit.now) == 0
        # The reversal counts on the mistake's own day: seen from now, that day was never wrong.
        effective = date(2026, 3, 2)
        assert await balance(account_id=client, as_of=effective, known_at=before) == 9
        assert await balance(account_id=client, as_of=effective) == 0


async def test_snapshots_and_what_came_later_make_the_balance(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    async def post(amount: str) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post_entries(entries=[book.transfer(book.house, book.clients[0], amount)])

    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
    await post("1")
    await everything_settled()
    async with connected(database.app) as open_writer:
        # Its number is taken before the snapshot, its posting comes after: it must not be lost.
        transaction = open_writer.transaction()
        await transaction.start()
        await open_writer.execute(f"SET LOCAL app.tenant_id = '{tenant.id}'")
        await open_writer.fetchval("SELECT pg_current_xact_id()")
        await post("2")
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            assert await take_snapshots(postings_min=1) == 1
        await _post_bare(open_writer, tenant, book)
        await transaction.commit()
    await post("4")
    await everything_settled()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert (await balances(account_ids=[book.house]))[book.house] == -(1 + 2 + 8 + 4)
        assert await take_snapshots(postings_min=1) == 1
        assert await take_snapshots(postings_min=1) == 0
        assert (await balances(account_ids=[book.house]))[book.house] == -15
        taken = await fetch_value("SELECT count(*) FROM ledger_snapshot")
        assert taken == 2
    await assert_invariants_hold(tenant.id)


async def test_snapshots_of_another_cluster_do_not_count(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
    async with connected(database.admin) as admin:
        await admin.execute(
            "INSERT INTO ledger_snapshot (tenant_id, account_id, cluster_id, horizon, balance) "
            "VALUES ($1, $2, 7, '999999999', 123)",
            tenant.id,
            book.house,
        )
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await balance(account_id=book.house) == -5
    await assert_invariants_hold(tenant.id)


async def test_lock_balances_gives_what_nobody_else_changes(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(entries=[book.transfer(book.house, book.clients[1], "5")])
        locked = await lock_balances(account_ids=[*reversed(book.clients), book.house])
        assert locked == {book.clients[0]: Decimal(0), book.clients[1]: Decimal(5)}


async def _post_bare(connection: asyncpg.Connection, tenant: TestTenant, book: Book) -> None:
    """An entry of 8 by the posting function itself, on a connection of the test's own."""
    entry = new_id()
    await connection.fetch(
        "SELECT * FROM ledger_post($1, NULL, ARRAY[$2::uuid], ARRAY[$3::uuid], ARRAY['bare'], "
        "ARRAY['test'], ARRAY['product'], ARRAY[$3::uuid], ARRAY[current_date], ARRAY[''], "
        "ARRAY[NULL::uuid], ARRAY[$2, $2], ARRAY[0, 1], ARRAY[$4::uuid, $5], "
        "ARRAY[-8, 8]::numeric[])",
        tenant.id,
        entry,
        book.id,
        book.house,
        book.clients[0],
    )
