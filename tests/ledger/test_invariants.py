"""Each invariant of the ledger finds what it is there to find."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.invariants import verify_tenant
from app.kernel.ledger.invariants import INVARIANTS
from app.kernel.ledger.operations import post_entries, reverse_entry, take_snapshots
from tests.support.books import a_book
from tests.support.database import DatabaseUrls, TestTenant, connected
from tests.support.horizon import everything_settled

BREAKS = {
    "ledger.entries_balance": "UPDATE ledger_posting SET amount = amount + 1 WHERE position = 0",
    "ledger.entries_have_postings": "DELETE FROM ledger_posting",
    "ledger.postings_name_what_is_there": "UPDATE ledger_posting SET asset = 'EUR'",
    "ledger.balances_equal_postings": "UPDATE ledger_balance SET balance = balance + 1",
    "ledger.balances_not_negative": "UPDATE ledger_posting SET amount = -amount",
    "ledger.snapshots_equal_postings": "UPDATE ledger_snapshot SET balance = balance + 1",
    "ledger.reversals_mirror": "UPDATE ledger_posting SET amount = amount * 2 WHERE entry_id IN "
    "(SELECT id FROM ledger_entry WHERE reverses_id IS NOT NULL)",
}


@pytest.fixture
async def intruder(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.admin) as admin:
        await admin.execute("SET session_replication_role = replica")
        yield admin


def test_every_invariant_has_something_that_breaks_it() -> None:
    assert {invariant.name for invariant in INVARIANTS} == set(BREAKS)


@pytest.mark.parametrize("name", BREAKS)
async def test_finds_what_breaks_it(
    tenant: TestTenant, intruder: asyncpg.Connection, name: str
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [_, mistake] = await post_entries(
            entries=[
                book.transfer(book.house, book.clients[0], "5"),
                book.transfer(book.house, book.clients[1], "3"),
            ]
        )
        await reverse_entry(entry_id=mistake, reason="x", idempotency_key="r")
    await everything_settled()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await take_snapshots(postings_min=1) == 1
    results = await verify_tenant(tenant_id=tenant.id, invariants=INVARIANTS)
    assert all(result.ok for result in results), results

    sql = BREAKS[name]
    await intruder.execute(
        f"{sql} {'AND' if 'WHERE' in sql else 'WHERE'} tenant_id = '{tenant.id}'"
    )
    results = await verify_tenant(tenant_id=tenant.id, invariants=INVARIANTS)
    [found] = [result for result in results if result.name == name]
    assert not found.ok
    assert found.violations
