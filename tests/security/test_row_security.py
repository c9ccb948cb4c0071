"""Every table, as the portal's own role: what keeps tenants apart when no query filters by tenant.

Nothing of the portal's code stands between these tests and the tables: no guard, no scope, no WHERE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from app.kernel.ids import new_id
from tests.architecture.test_catalogue import rows, tenant_tables
from tests.security.busy import make_busy
from tests.security.seats import Seats
from tests.security.traces import nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk

# Functions that see across tenants, and what each of them tells. A line here is a decision.
ACROSS_TENANTS = {
    "claim_outbox": "the topics of events that wait for the relay, which are ids",
    "due_deadlines": "ids of deadlines whose next mark is due",
    "due_jobs": "ids and kinds of jobs that are due",
    "due_jobs_of_kinds": "the same, of some kinds",
    "due_schedules": "ids of schedules that are due",
    "mark_published": "nothing; marks events whose ids it is given",
    "outbox_lag": "seconds",
    "refresh_tenant": "whose a refresh token is, to who has it",
    "schedules_due_after": "ids of schedules that are due",
    "seconds_to_next_mark": "seconds",
    "session_glance": "whom a session names, to who has its secret",
    "session_lookup": "the same; it counts as use",
    "sessions_alive": "which of the sessions hold whose digests it is given",
    "sign_in_lookup": "where an account is a member, once it is proved",
    "token_lookup": "whom a family of tokens names",
    "work_lag": "seconds, and a count of dead letters",
}
Seen = dict[str, dict[UUID, int]]


@pytest.fixture
async def two(desk: Desk, stranger: Desk, seats: Seats, sandbox: Control) -> tuple[Desk, Desk]:
    await make_busy(desk, stranger, seats=seats)
    return desk, stranger


@asynccontextmanager
async def claiming(urls: DatabaseUrls, claim: str | None) -> AsyncIterator[asyncpg.Connection]:
    """The portal's role in a transaction with this tenant claimed; undone at the end."""
    async with connected(urls.app) as connection:
        transaction = connection.transaction()
        await transaction.start()
        if claim is not None:
            await connection.execute("SELECT set_config('app.tenant_id', $1, true)", claim)
        try:
            yield connection
        finally:
            await transaction.rollback()


async def seen(connection: asyncpg.Connection, tables: Iterable[str]) -> Seen:
    """By table and tenant, how many rows there are for this connection, with no condition at all."""
    found: Seen = {}
    for table in tables:
        counted = await connection.fetch(f'SELECT tenant_id, count(*) FROM "{table}" GROUP BY 1')
        found[table] = {row["tenant_id"]: row["count"] for row in counted}
    return found


async def test_no_table_shows_or_takes_a_row_of_another_tenant(
    two: tuple[Desk, Desk], database: DatabaseUrls
) -> None:
    tables = sorted(await tenant_tables(database))
    async with connected(database.admin) as admin:
        there = await seen(admin, tables)
    empty = [name for name in tables if any(desk.tenant_id not in there[name] for desk in two)]
    assert empty == [], f"tests/security/busy.py leaves nothing in {empty}"
    for claim in (None, "", str(new_id())):
        async with claiming(database, claim) as nobody:
            assert await seen(nobody, tables) == {name: {} for name in tables}, claim
    for own in two:
        async with claiming(database, str(own.tenant_id)) as connection:
            assert await seen(connection, tables) == {
                name: {own.tenant_id: there[name][own.tenant_id]} for name in tables
            }
    async with nothing_written(database, *two):
        async with connected(database.admin) as admin:
            columns = await columns_of(admin)
        async with claiming(database, str(two[0].tenant_id)) as connection:
            taken = {
                name: await taken_from(connection, name, columns[name], *two) for name in tables
            }
        assert taken == {name: [] for name in tables}


async def columns_of(admin: asyncpg.Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in await admin.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position"
    ):
        found[row["table_name"]].append(row["column_name"])
    return found


async def taken_from(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], own: Desk, other: Desk
) -> list[str]:
    """The ways in which somebody who works in `own` reaches rows of `other` in this table."""
    names = ", ".join(f'"{column}"' for column in columns)
    copied = names.replace('"tenant_id"', "$1::uuid")
    found = []
    for way, sql, tenant in (
        ("plant", f'INSERT INTO "{table}" ({names}) SELECT {copied} FROM "{table}" LIMIT 1', other),
        ("give", f'UPDATE "{table}" SET tenant_id = $1 WHERE tenant_id <> $1', other),
        ("take", f'UPDATE "{table}" SET tenant_id = $1 WHERE tenant_id <> $1', own),
        ("delete", f'DELETE FROM "{table}" WHERE tenant_id = $1', other),
    ):
        attempt = connection.transaction()
        await attempt.start()
        try:
            done = await connection.execute(sql, tenant.tenant_id)
        except asyncpg.InsufficientPrivilegeError:
            continue
        else:
            found += [] if done.endswith(" 0") else [f"{way}: {done}"]
        finally:
            await attempt.rollback()
    return found


async def test_what_sees_across_tenants_is_listed_and_cannot_be_led_astray(
    database: DatabaseUrls,
) -> None:
    functions = await rows(
        database,
        "SELECT proname, pg_get_userbyid(proowner) AS owner, proconfig::text[] AS settings,"
        " has_function_privilege('public', oid, 'EXECUTE') AS anybody FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prosecdef",
    )
    assert {row["proname"] for row in functions} == set(ACROSS_TENANTS)
    for row in functions:
        assert row["owner"] == "stakehold_dispatcher", row
        assert row["settings"] == ["search_path=public, pg_temp"], row
        assert not row["anybody"], row
