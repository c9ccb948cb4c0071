"""Redis flushed, stopped, restarted: everything still happens, and live pages hear of it again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.clock import advance_clock
from app.kernel.database import fetch, unit_of_work
from app.kernel.deadlines.invariants import INVARIANTS
from app.kernel.ids import new_id
from app.kernel.invariants import verify_tenant
from app.kernel.outbox import emit, live_channel
from tests.support.database import TestTenant
from tests.support.drill_work import (
    effect_counts,
    enqueue_drill,
    marks_fired,
    start_deadlines,
    states,
)
from tests.support.waiting import eventually


async def jump(hours: float) -> None:
    async with unit_of_work(tenant=None, actor=SYSTEM):
        await advance_clock(seconds=int(hours * 3600))


async def happen(tenant: TestTenant, topic: str = "thing:1") -> UUID:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return await emit(
            type="test.happened",
            subject_kind="thing",
            subject_id=new_id(),
            payload={},
            topics=[topic],
        )


async def test_jobs_start_at_once_while_redis_is_away(
    tenant: TestTenant, new_process: Callable[[str], Any], redis_server: Any
) -> None:
    await new_process("relay").start()
    await new_process("worker").start()
    redis_server.stop()
    await enqueue_drill(tenant.id, "drill.inside", 5)
    took = await eventually(lambda: states(tenant.id), Counter(done=5), within_seconds=5)
    assert took < 2
    await redis_server.start()
    await enqueue_drill(tenant.id, "drill.inside", 5)
    await eventually(lambda: states(tenant.id), Counter(done=10), within_seconds=5)
    assert await effect_counts(tenant.id) == {1}


async def test_a_flush_costs_a_second_at_most(
    tenant: TestTenant, new_process: Callable[[str], Any], redis: Any
) -> None:
    await new_process("relay").start()
    await new_process("worker").start()
    for round_number in range(1, 6):
        await enqueue_drill(tenant.id, "drill.outside", 4)
        await redis.flushall()
        took = await eventually(
            lambda: states(tenant.id), Counter(done=4 * round_number), within_seconds=5
        )
        assert took < 3


async def test_a_worker_asks_redis_often_only_when_a_message_may_come(
    tenant: TestTenant, new_process: Callable[[str], Any], redis: Any
) -> None:
    async def looks_in_a_second() -> int:
        await redis.config_resetstat()
        await asyncio.sleep(1)
        return int((await redis.info("commandstats"))["cmdstat_zrangebyscore"]["calls"])

    async def is_idle() -> bool:
        return await looks_in_a_second() < 15

    async def is_eager() -> bool:
        await enqueue_drill(tenant.id, "drill.inside", 1)
        return await looks_in_a_second() > 25

    # A worker that has just started, or shares its processor, is neither at once.
    await new_process("relay").start()
    await new_process("worker").start()
    await eventually(is_idle, True, within_seconds=10)
    await eventually(is_eager, True, within_seconds=10)


async def test_every_mark_fires_once_with_two_workers_and_no_redis(
    tenant: TestTenant, new_process: Callable[[str], Any], redis_server: Any, redis: Any
) -> None:
    await start_deadlines(tenant.id, 100)
    await new_process("worker").start()
    await new_process("worker").start()
    await redis.flushall()
    await jump(18.1)
    await eventually(lambda: marks_fired(tenant.id), 100, within_seconds=5)
    redis_server.stop()
    await jump(18)
    took = await eventually(lambda: marks_fired(tenant.id), 300, within_seconds=10)
    assert took < 5
    assert await effect_counts(tenant.id) == {1}
    results = await verify_tenant(tenant_id=tenant.id, invariants=INVARIANTS)
    assert [result for result in results if not result.ok] == []


async def hear(pubsub: Any, wanted: str) -> dict[str, Any]:
    """The next hint of a topic, within five seconds."""
    async with asyncio.timeout(5):
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
            if message is not None:
                hint: dict[str, Any] = json.loads(message["data"])
                if wanted in hint["topics"]:
                    return hint


async def test_live_pages_hear_of_an_event_at_once(
    tenant: TestTenant, new_process: Callable[[str], Any], redis: Any
) -> None:
    await new_process("relay").start()
    delays = []
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(live_channel(tenant.id))
        for number in range(20):
            began = asyncio.get_running_loop().time()
            event_id = await happen(tenant, f"thing:{number}")
            hint = await hear(pubsub, f"thing:{number}")
            delays.append(asyncio.get_running_loop().time() - began)
            assert hint == {"topics": [f"thing:{number}"], "version": str(event_id)}
    assert sorted(delays)[len(delays) // 2] < 0.1


async def test_events_wait_for_redis_and_are_told_when_it_is_back(
    tenant: TestTenant, new_process: Callable[[str], Any], redis_server: Any, redis: Any
) -> None:
    await new_process("relay").start()
    await new_process("relay").start()
    redis_server.stop()
    event_id = await happen(tenant)

    async def pending() -> list[UUID]:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            rows = await fetch("SELECT id FROM outbox_event WHERE state = 'pending'")
        return [row["id"] for row in rows]

    assert await pending() == [event_id]
    await redis_server.start()
    await eventually(pending, [], within_seconds=5)
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(live_channel(tenant.id))
        await happen(tenant, "thing:2")
        await hear(pubsub, "thing:2")


async def test_another_tenant_hears_nothing(
    tenant: TestTenant, new_tenant: Any, new_process: Callable[[str], Any], redis: Any
) -> None:
    other = await new_tenant()
    await new_process("relay").start()
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(live_channel(other.id), live_channel(tenant.id))
        await happen(tenant, "secret:1")
        await happen(other, "open:1")
        channels: dict[str, list[str]] = {}
        async with asyncio.timeout(5):
            while len(channels) < 2:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
                if message is not None:
                    channels[message["channel"].decode()] = json.loads(message["data"])["topics"]
    assert channels == {
        live_channel(tenant.id): ["secret:1"],
        live_channel(other.id): ["open:1"],
    }
