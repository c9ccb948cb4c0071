"""The relay: what was committed is told to live pages, and workers are told of due jobs.

It wakes by NOTIFY and looks every second regardless. Events are claimed by their state under a row
lock, published, and marked in one transaction: one that was published but not marked is published
again, which a page does not notice. While Redis is away events wait in their table.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn
from uuid import UUID

import msgspec
import structlog
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from app import metrics
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch, fetch_value, unit_of_work
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.values import Lane
from app.kernel.jobs.wakeups import (
    clear_dead_messages,
    close_redis,
    open_redis,
    send_wakeups,
)
from app.kernel.listening import listen
from app.kernel.outbox.topics import Hint, live_channel
from app.settings import settings
from workers.process import run_to_end, running, started
from workers.sweeping import Bell, repeat

BATCH_MAX = 200
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.2
JOBS_MAX = 500
# Jobs committed close together go in one message, and pages hear of the commit before workers do.
GATHER_SECONDS = 0.03
# A job that was told of is not told of again for a while: the workers' own sweep finds it.
TOLD_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Relay:
    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self.events_bell = Bell()
        self.jobs_bell = Bell()
        self._told: dict[UUID, float] = {}

    def parts(self) -> list[Awaitable[NoReturn]]:
        return [
            repeat(
                "publish",
                lambda: self._unless_away(self.publish, self.events_bell),
                seconds=POLL_SECONDS,
                bell=self.events_bell,
            ),
            repeat(
                "wake workers",
                lambda: self._unless_away(self.wake_workers, self.jobs_bell),
                seconds=POLL_SECONDS,
                bell=self.jobs_bell,
            ),
            # Messages that no worker takes must not pile up.
            repeat("clear", lambda: self._unless_away(self.clear, Bell()), seconds=POLL_SECONDS),
        ]

    async def publish(self) -> None:
        """Publish every pending event that no other relay has."""
        while await self._publish_batch() == BATCH_MAX:
            pass

    async def _publish_batch(self) -> int:
        async with unit_of_work(tenant=None, actor=SYSTEM):
            events = await fetch(
                # Losing the mark in a crash means publishing again, which is harmless.
                "SELECT claimed.* FROM set_config('synchronous_commit', 'off', true),"
                " claim_outbox($1) AS claimed",
                BATCH_MAX,
            )
            if not events:
                return 0
            async with self.redis.pipeline(transaction=False) as pipe:
                for event in events:
                    if event["topics"]:
                        hint = Hint(topics=event["topics"], version=str(event["id"]))
                        pipe.publish(live_channel(event["tenant_id"]), msgspec.json.encode(hint))
                await pipe.execute()
            await execute(
                "SELECT mark_published($1, $2)",
                [event["tenant_id"] for event in events],
                [event["id"] for event in events],
            )
            now = await fetch_value("SELECT clock_timestamp()")
        metrics.EVENTS_PUBLISHED.inc(len(events))
        for event in events:
            metrics.RELAY_DELAY.observe((now - event["recorded_at"]).total_seconds())
        return len(events)

    async def wake_workers(self) -> None:
        """Send messages for the due jobs of each lane that this relay has not told of lately."""
        now = time.monotonic()
        self._told = {job: at for job, at in self._told.items() if at > now - TOLD_SECONDS}
        for lane in Lane:
            due = await due_jobs(limit=JOBS_MAX, except_ids=self._told, lane=lane)
            await send_wakeups(self.redis, due)
            self._told.update((ref.id, now) for ref in due)

    async def clear(self) -> None:
        await clear_dead_messages(self.redis)

    async def _unless_away(self, work: Callable[[], Awaitable[None]], bell: Bell) -> None:
        """Do it; while Redis is away, look again soon and say so once a look."""
        try:
            await work()
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("redis is away", error=type(error).__name__)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, bell.ring)


async def run() -> None:
    async with started("relay") as stopping:
        redis = open_redis()
        relay = Relay(redis)
        loop = asyncio.get_running_loop()
        heard = {
            "stakehold_outbox": relay.events_bell.ring,
            "stakehold_jobs": lambda: loop.call_later(GATHER_SECONDS, relay.jobs_bell.ring),
        }
        async with running([*relay.parts(), listen(settings().database_url, wake=heard)]):
            await stopping.wait()
        await close_redis(redis)


def main() -> None:
    run_to_end(run())


if __name__ == "__main__":
    main()
