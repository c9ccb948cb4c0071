"""Wake-ups through arq: messages that say "these jobs are due", up to 50 jobs each.

They carry no state. A message that is lost (Redis was flushed, a worker was killed) costs at most
the second until the sweeper looks; a message twice finds the job done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from redis.asyncio import ConnectionPool

from app.kernel.jobs.values import JobRef
from app.kernel.real_time import real_seconds
from app.settings import settings

JOBS_PER_MESSAGE_MAX = 50
FUNCTION = "run_jobs"
# What is older has been found by a sweeper; a dead worker's messages would starve arq's reading.
MESSAGE_AGE_MAX_MS = 3_000
MESSAGE_EXPIRES_MS = 10_000
# arq takes what is due by the worker's own clock. Dated so far back, a message is due to a worker whose
# clock is behind as well; among themselves they keep their order.
DATED_BACK_SECONDS = 2 * 3600


def queue_name() -> str:
    """arq's queue; environments that share a Redis do not take each other's messages."""
    return f"stakehold:{settings().environment}:jobs"


def open_redis() -> ArqRedis:
    """A client that gives up quickly: nobody waits for Redis, they go on without it.

    Connects at the first command, and again after a failure.
    """
    connections: ConnectionPool = ConnectionPool.from_url(
        settings().redis_url, socket_connect_timeout=1, socket_timeout=2
    )
    return ArqRedis(
        pool_or_conn=connections,
        job_serializer=encode,
        job_deserializer=decode,
        default_queue_name=queue_name(),
        expires_extra_ms=MESSAGE_EXPIRES_MS,
    )


async def close_redis(redis: ArqRedis) -> None:
    await redis.aclose(close_connection_pool=True)


def encode(message: dict[str, Any]) -> bytes:
    """JSON, never arq's pickle: what Redis holds must not be able to run as code."""
    return msgspec.json.encode(message, enc_hook=str)


def decode(message: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(message)
    return decoded


async def send_wakeups(redis: ArqRedis, refs: Sequence[JobRef]) -> None:
    """Tell the workers that these jobs are due."""
    due = datetime.fromtimestamp(real_seconds() - DATED_BACK_SECONDS, UTC)
    for start in range(0, len(refs), JOBS_PER_MESSAGE_MAX):
        group = refs[start : start + JOBS_PER_MESSAGE_MAX]
        await redis.enqueue_job(
            FUNCTION,
            [[str(ref.tenant_id), str(ref.id), ref.kind] for ref in group],
            _queue_name=queue_name(),
            _defer_until=due,
            # Else arq counts from there, by our own clock.
            _expires=MESSAGE_EXPIRES_MS / 1000,
        )


def refs_of(message: Sequence[Sequence[str]]) -> list[JobRef]:
    return [JobRef(UUID(tenant), UUID(job), kind) for tenant, job, kind in message]


async def clear_dead_messages(redis: ArqRedis) -> int:
    """Delete messages that a killed worker left behind, with every key arq made for them."""
    oldest_ms = int((real_seconds() - DATED_BACK_SECONDS) * 1000) - MESSAGE_AGE_MAX_MS
    stale = await redis.zrangebyscore(queue_name(), "-inf", oldest_ms, start=0, num=500)
    if not stale:
        return 0
    names = [message.decode() for message in stale]
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zrem(queue_name(), *names)
        pipe.delete(
            *(
                prefix + name
                for name in names
                for prefix in (job_key_prefix, in_progress_key_prefix, retry_key_prefix)
            )
        )
        await pipe.execute()
    return len(names)
