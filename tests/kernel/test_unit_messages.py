"""What a unit of work says to the server: one message to begin, one that writes its trail and commits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app import registry
from app.kernel import audit, outbox
from app.kernel.actors import SYSTEM, Actor
from app.kernel.audit.queries import records
from app.kernel.database import fetch_value, pool, start_pool, stop_pool, unit_of_work
from app.kernel.ids import new_id
from tests.support.database import DatabaseUrls, TestTenant, add_tenant

registry.load()

# What ends a literal, a statement or a message, and what is more than one byte.
AWKWARD = "O'Hara \\' ''; ROLLBACK; -- $1 $$ \u2028 \U0001f98a עברית"


@pytest.fixture
async def messages(no_pool: DatabaseUrls) -> AsyncIterator[list[str]]:
    """Everything that the pool's one connection sends."""
    await start_pool(no_pool.app, size=1)
    sent: list[str] = []
    connection = await pool().acquire()
    connection.add_query_logger(lambda record: sent.append(record.query))
    await pool().release(connection)
    try:
        yield sent
    finally:
        await stop_pool()


@pytest.fixture
async def alone(messages: list[str], no_pool: DatabaseUrls) -> TestTenant:
    return await add_tenant(no_pool)


async def test_two_messages_carry_a_unit_of_work_and_its_trail(
    messages: list[str], alone: TestTenant
) -> None:
    async with unit_of_work(tenant=alone.id, actor=SYSTEM):
        await audit.record(action="x", subject_kind="test", subject_id=new_id())
        await outbox.emit(type="test.said", subject_kind="test", subject_id=new_id(), payload={})
        assert await fetch_value("SELECT 1") == 1
    begin, body, end = messages
    assert begin.startswith("BEGIN") and body == "SELECT 1" and end.endswith("COMMIT")


async def test_the_business_time_comes_with_the_first_message(
    messages: list[str], alone: TestTenant
) -> None:
    async with unit_of_work(tenant=alone.id, actor=SYSTEM, read_only=True) as unit:
        assert unit.now == await fetch_value("SELECT app_now()")
        assert unit.now.utcoffset() is not None
        named = await fetch_value("SELECT current_setting('application_name')")
        assert named.startswith("stakehold 2")
    async with pool().acquire() as connection:
        assert await connection.fetchval("SHOW application_name") == "stakehold"
        assert connection.get_settings().application_name == "stakehold"


async def test_nothing_that_a_record_holds_is_read_as_sql(tenant: TestTenant) -> None:
    actor = Actor(id=new_id(), name=AWKWARD, role=AWKWARD, request_id=AWKWARD, trace=AWKWARD)
    async with unit_of_work(tenant=tenant.id, actor=actor):
        for number in range(3):
            await audit.record(
                action=AWKWARD,
                subject_kind=AWKWARD,
                subject_id=new_id(),
                before={AWKWARD: AWKWARD},
                after={"number": number},
            )
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        found = await records()
    assert [record.after for record in found] == [{"number": number} for number in (2, 1, 0)]
    for record in found:
        assert {record.actor_name, record.actor_role, record.action} == {AWKWARD}
        assert {record.subject_kind, record.request_id} == {AWKWARD}
        assert record.before == {AWKWARD: AWKWARD}


async def test_a_trail_that_is_refused_undoes_the_work_and_spares_the_connection(
    messages: list[str], alone: TestTenant
) -> None:
    async def process_id() -> int:
        async with unit_of_work(tenant=alone.id, actor=SYSTEM):
            return int(await fetch_value("SELECT pg_backend_pid()"))

    before = await process_id()
    with pytest.raises(asyncpg.CheckViolationError):
        async with unit_of_work(tenant=alone.id, actor=SYSTEM):
            await audit.record(action="kept?", subject_kind="test", subject_id=new_id())
            await audit.record(action="", subject_kind="test", subject_id=new_id())
    async with unit_of_work(tenant=alone.id, actor=SYSTEM):
        assert await records() == []
    assert await process_id() == before


async def test_a_connection_that_does_not_know_the_statements_learns_them(
    messages: list[str], alone: TestTenant
) -> None:
    """As one that was opened before the first migration."""
    async with pool().acquire() as connection:
        await connection.execute("DEALLOCATE unit_begin")
        await connection.execute("DEALLOCATE trail_audited; DEALLOCATE trail_written")
    async with unit_of_work(tenant=alone.id, actor=SYSTEM):
        await audit.record(action="x", subject_kind="test", subject_id=new_id())
    async with unit_of_work(tenant=alone.id, actor=SYSTEM):
        assert [record.action for record in await records()] == ["x"]
