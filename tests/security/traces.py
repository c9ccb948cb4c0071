"""Whether anything at all was written in a tenant: a digest of every row of every table of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk

# `last_seen_at` of a session moves with every request.
_IGNORED = ("session",)
_TABLES = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'tenant_id' AND table_name <> ALL ($1)
    ORDER BY table_name
"""


async def digests(urls: DatabaseUrls, desk: Desk) -> dict[str, str]:
    """By table: how many rows the tenant has there, and a hash over all of them."""
    async with connected(urls.admin) as connection:
        names = [row["table_name"] for row in await connection.fetch(_TABLES, list(_IGNORED))]
        rows = await connection.fetch(
            " UNION ALL ".join(
                f"SELECT '{name}' AS name, count(*) || ':' ||"
                f" coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') AS digest"
                f' FROM "{name}" r WHERE tenant_id = $1'
                for name in names
            ),
            desk.tenant_id,
        )
    assert len(rows) > 20
    return {row["name"]: row["digest"] for row in rows}


@asynccontextmanager
async def nothing_written(urls: DatabaseUrls, *desks: Desk) -> AsyncIterator[None]:
    """Fails where the body left, changed or removed a single row of these desks' tenants."""
    before = [await digests(urls, desk) for desk in desks]
    yield
    after = [await digests(urls, desk) for desk in desks]
    changed = [
        (table, was[table], now[table])
        for was, now in zip(before, after, strict=True)
        for table in was
        if was[table] != now[table]
    ]
    assert changed == [], changed
