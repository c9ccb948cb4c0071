"""A database that goes away in the middle of a unit of work is unavailable: never anything worse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.kernel import database
from app.kernel.actors import SYSTEM
from app.kernel.database import (
    execute,
    fetch_value,
    savepoint,
    start_pool,
    stop_pool,
    unit_of_work,
)
from app.kernel.errors import Unavailable
from tests.support.database import DatabaseUrls, connected
from tests.support.fault_proxy import HOST, FaultProxy
from tests.support.waiting import eventually

POOL = 3


@pytest.fixture
async def way(no_pool: DatabaseUrls) -> AsyncIterator[FaultProxy]:
    """On the way from the pool to the database."""
    parts = urlsplit(no_pool.app)
    assert parts.port is not None
    async with FaultProxy(parts.port) as proxy:
        host = f"{parts.netloc.rpartition('@')[0]}@{HOST}:{proxy.port}"
        await start_pool(urlunsplit(parts._replace(netloc=host)), size=POOL)
        try:
            yield proxy
        finally:
            proxy.heal()
            await stop_pool()


async def _works() -> bool:
    """Every connection of the pool, at once."""

    async def ask() -> int:
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT pg_sleep(0.02)")
            found: int = await fetch_value("SELECT 1")
            return found

    return await asyncio.gather(*(ask() for _ in range(POOL))) == [1] * POOL


@pytest.mark.parametrize("break_off", ["reset", "cut"])
async def test_a_break_within_a_statement_is_unavailable(
    way: FaultProxy, database_urls: DatabaseUrls, break_off: str
) -> None:
    async def ask() -> None:
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT pg_sleep(10)")

    async def sleeps() -> bool:
        return bool(
            await beside.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'active' AND query = 'SELECT pg_sleep(10)'"
            )
        )

    asking = asyncio.create_task(ask())
    async with connected(database_urls.admin) as beside:
        await eventually(sleeps, True, within_seconds=5)
    getattr(way, break_off)()
    with pytest.raises(Unavailable, match="in the middle"):
        await asking
    assert await _works()


async def test_a_break_between_two_statements_is_unavailable(way: FaultProxy) -> None:
    with pytest.raises(Unavailable, match="in the middle"):
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT 1")
            way.reset()
            await asyncio.sleep(0.02)
            await execute("SELECT 2")
    assert await _works()


async def test_a_break_within_a_savepoint_is_unavailable(way: FaultProxy) -> None:
    with pytest.raises(Unavailable, match="in the middle"):
        async with unit_of_work(tenant=None, actor=SYSTEM), savepoint():
            await execute("SELECT 1")
            way.reset()
            await asyncio.sleep(0.02)
            await execute("SELECT 2")
    assert await _works()


async def test_a_break_before_the_commit_is_unavailable(way: FaultProxy) -> None:
    with pytest.raises(Unavailable, match="in the middle"):
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT 1")
            way.reset()
            await asyncio.sleep(0.02)
    assert await _works()


@pytest.mark.parametrize("message", range(1, 13))
async def test_a_break_anywhere_is_unavailable_or_unseen(way: FaultProxy, message: int) -> None:
    """The n-th message between the two arrives by half; what had died idle is simply replaced."""
    assert await _works()
    way.reset_at(message)
    for _ in range(4):
        try:
            async with unit_of_work(tenant=None, actor=SYSTEM):
                await execute("SELECT $1::int", 1)
                await execute("SELECT 2")
        except Unavailable:
            break
    assert await _works()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("releasing_turns", range(3))
async def test_a_break_while_it_is_given_back_is_unseen(
    monkeypatch: pytest.MonkeyPatch, releasing_turns: int
) -> None:
    """The pool takes a broken one by itself, and gives nobody a second one for it."""
    release = asyncpg.Pool.release

    async def release_what_breaks(held: asyncpg.Pool, connection: Any, **options: Any) -> None:
        # What the pool's proxy stands for: it outlives being given back.
        transport = connection._con._transport
        giving_back = asyncio.ensure_future(release(held, connection, **options))
        for _ in range(releasing_turns):
            await asyncio.sleep(0)
        transport.abort()
        await giving_back

    monkeypatch.setattr(asyncpg.Pool, "release", release_what_breaks)
    async with unit_of_work(tenant=None, actor=SYSTEM):
        assert await fetch_value("SELECT 1") == 1
    monkeypatch.undo()
    assert await _works()


async def test_nobody_there_is_unavailable(way: FaultProxy) -> None:
    way.refuse()
    with pytest.raises(Unavailable):
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT 1")
    way.heal()
    assert await _works()


async def test_more_dead_ones_than_are_tried_are_unavailable(
    way: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each dies at its first word nobody waits for ever."""
    assert await _works()
    monkeypatch.setattr(database, "_DEAD_CONNECTIONS_MAX", 1)
    way.reset()
    with pytest.raises(Unavailable, match="keeps hanging up"):
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT 1")
    monkeypatch.undo()
    assert await _works()
