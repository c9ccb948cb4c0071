"""Messages through Redis that jobs are due: in few, as they were sent, and none left lying."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix

from app.kernel.ids import new_id
from app.kernel.jobs.values import JobRef
from app.kernel.jobs.wakeups import (
    JOBS_PER_MESSAGE_MAX,
    MESSAGE_AGE_MAX_MS,
    MESSAGE_EXPIRES_MS,
    clear_dead_messages,
    close_redis,
    open_redis,
    queue_name,
    refs_of,
    send_wakeups,
)


@pytest.fixture
async def redis(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ArqRedis]:
    """With a queue of this process's own: workers of other tests read the usual one."""
    name = f"{queue_name()}:{worker_id}"
    monkeypatch.setattr("app.kernel.jobs.wakeups.queue_name", lambda: name)
    opened = open_redis()
    yield opened
    await opened.delete(name)
    await close_redis(opened)


def _refs(count: int) -> list[JobRef]:
    tenant = new_id()
    return [JobRef(tenant, new_id(), "test.inside") for _ in range(count)]


async def test_fifty_go_with_one_and_arrive_as_they_were_sent(redis: ArqRedis) -> None:
    refs = _refs(JOBS_PER_MESSAGE_MAX + 1)
    await send_wakeups(redis, refs)
    messages = await redis.queued_jobs(queue_name=redis.default_queue_name)
    assert sorted(len(message.args[0]) for message in messages) == [1, JOBS_PER_MESSAGE_MAX]
    arrived = [ref for message in messages for ref in refs_of(message.args[0])]
    assert len(arrived) == len(refs)
    assert set(arrived) == set(refs)


async def test_no_jobs_are_no_message(redis: ArqRedis) -> None:
    await send_wakeups(redis, [])
    assert await redis.queued_jobs(queue_name=redis.default_queue_name) == []
    assert await clear_dead_messages(redis) == 0


async def test_what_a_dead_worker_left_is_cleared_with_its_keys_and_no_other(
    redis: ArqRedis,
) -> None:
    for refs in (_refs(1), _refs(1)):
        await send_wakeups(redis, refs)
    queue = redis.default_queue_name
    left, young = (name.decode() for name in await redis.zrange(queue, 0, -1))
    sent_ms = await redis.zscore(queue, left)
    assert sent_ms is not None
    await redis.zadd(queue, {left: sent_ms - MESSAGE_AGE_MAX_MS - 1})
    assert await redis.exists(job_key_prefix + left) == 1
    assert await clear_dead_messages(redis) == 1
    assert [name.decode() for name in await redis.zrange(queue, 0, -1)] == [young]
    assert await redis.exists(job_key_prefix + left) == 0
    assert await redis.exists(job_key_prefix + young) == 1


async def test_they_are_due_to_a_worker_whose_clock_is_behind(redis: ArqRedis) -> None:
    await send_wakeups(redis, _refs(1))
    its_now_ms = (time.time() - 3600) * 1000
    assert len(await redis.zrangebyscore(redis.default_queue_name, "-inf", its_now_ms)) == 1


@pytest.mark.parametrize("hours", [-1, 1])
async def test_they_are_as_old_as_they_are_whoever_sends_and_looks(
    redis: ArqRedis, own_clock_off: Callable[[float], None], hours: int
) -> None:
    own_clock_off(hours * 3600)
    await send_wakeups(redis, _refs(1))
    (name,) = await redis.zrange(redis.default_queue_name, 0, -1)
    assert 0 < await redis.pttl(job_key_prefix + name.decode()) <= MESSAGE_EXPIRES_MS
    own_clock_off(-hours * 3600)
    assert await clear_dead_messages(redis) == 0
    assert await redis.zcard(redis.default_queue_name) == 1
