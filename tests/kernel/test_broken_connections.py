"""A database that goes away in the middle of a unit of work is unavailable: never anything worse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import (
    execute,
    fetch_value,
    pool,
    savepoint,
    start_pool,
    stop_pool,
    unit_of_work,
)
from app.kernel.errors import Unavailable
from tests.support.database import DatabaseUrls
from tests.support.fault_proxy import HOST, FaultProxy

POOL = 3


@pytest.fixture
async def way(database_urls: DatabaseUrls) -> AsyncIterator[FaultProxy]:
    """On the way from the pool to the database."""
    parts = urlsplit(database_urls.app)
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
async def test_a_break_within_a_statement_is_unavailable(way: FaultProxy, break_off: str) -> None:
    async def ask() -> None:
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT pg_sleep(10)")

    asking = asyncio.create_task(ask())
    async with asyncio.timeout(5):
        while way.connections == 0 or pool().get_idle_size() == pool().get_size():
            await asyncio.sleep(0.005)
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


async def test_nobody_there_is_unavailable(way: FaultProxy) -> None:
    way.refuse()
    with pytest.raises(Unavailable):
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("SELECT 1")
    way.heal()
    assert await _works()
