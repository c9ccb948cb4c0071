"""A ledger that grows from nothing is posted to by its keys, before anything is known of its size."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import asyncpg

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_value, start_pool, stop_pool, unit_of_work
from app.kernel.ledger.operations import post_entries
from tests.support.books import a_book
from tests.support.database import DatabaseUrls, add_tenant

ENTRIES = 250
# What one posting of two lines may look at: its own rows, and what its foreign keys point at.
READ_MAX = 10

# Counted by this connection, of this transaction and of earlier ones that are not told of yet.
_READ = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
WHERE relname IN ('ledger_entry', 'ledger_posting')
"""


async def _fresh_database(urls: DatabaseUrls) -> DatabaseUrls:
    """A clone of this worker's template, in which nothing has been written or looked at."""
    name = f"{urlsplit(urls.app).path.lstrip('/')}_plans"
    admin = await asyncpg.connect(os.environ["DATABASE_ADMIN_URL"])
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE stakehold OWNER stakehold_owner')
    finally:
        await admin.close()
    moved = {
        key: urlsplit(url)._replace(path=f"/{name}").geturl()
        for key, url in (("app", urls.app), ("owner", urls.owner), ("admin", urls.admin))
    }
    return DatabaseUrls(**moved)


async def test_posting_reads_no_more_entries_however_many_there_are(
    no_pool: DatabaseUrls,
) -> None:
    """A plan made while the tables were empty would go on to read all of them for each posting."""
    urls = await _fresh_database(no_pool)
    tenant = await add_tenant(urls)
    await start_pool(urls.app, size=1)
    try:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            book = await a_book()
        read = []
        for _ in range(ENTRIES):
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
                before = await fetch_value(_READ)
                await post_entries(entries=[book.transfer(book.house, book.clients[0], "1")])
                read.append(await fetch_value(_READ) - before)
    finally:
        await stop_pool()
    assert max(read) <= READ_MAX, f"at first {read[0]} rows were read, in the end {read[-1]}"
