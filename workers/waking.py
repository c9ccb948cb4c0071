"""The arq side of a worker: take wake-ups from Redis for as long as there is a Redis.

arq's worker ends whenever its Redis does, so it is made anew in a loop; meanwhile the sweeper sees
to the jobs, at once, because it hears their NOTIFY itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError

from app.kernel.jobs.lanes import Lanes
from app.kernel.jobs.wakeups import (
    FUNCTION,
    clear_dead_messages,
    close_redis,
    decode,
    encode,
    open_redis,
    queue_name,
    refs_of,
)
from workers.process import end
from workers.sweeping import Bell

# A message takes as long as its jobs, whose own time-outs are in the registry.
MESSAGE_TIMEOUT_SECONDS = 60
CLEAR_SECONDS = 1.0
# How often Redis is asked while a message may be on its way, and while nothing was heard of one.
EAGER_SECONDS = 0.01
IDLE_SECONDS = 0.1
# The relay's message comes some ten milliseconds after its jobs were written; a busy one takes longer.
EAGER_FOR_SECONDS = 0.5
RECONNECT_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class _Worker(Worker):
    """arq's, which rests after a look that found nothing to do."""

    def __init__(self, *, rest: Callable[[], Awaitable[None]], **options: Any) -> None:
        super().__init__(**options)
        self._rest = rest

    async def heart_beat(self) -> None:
        """The last thing in each of arq's looks."""
        await super().heart_beat()
        if not self.tasks:
            await self._rest()


class Waker:
    """`is_connected` tells the sweeper whether wake-ups come this way."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.is_connected = False
        self._bell = Bell()
        self._eager_until = 0.0

    def jobs_written(self) -> None:
        """A message about them is on its way."""
        self._eager_until = asyncio.get_running_loop().time() + EAGER_FOR_SECONDS
        self._bell.ring()

    async def _rest(self) -> None:
        """Looking a hundred times a second all day is most of what an idle worker would do."""
        if asyncio.get_running_loop().time() > self._eager_until:
            await self._bell.wait(IDLE_SECONDS)

    async def run(self) -> NoReturn:
        """Take messages without end, until cancelled."""
        while True:
            try:
                await self._while_connected()
            except (RedisError, OSError, TimeoutError) as error:
                if self.is_connected:
                    _log.warning("redis went away", error=type(error).__name__)
            except Exception:
                _log.exception("arq worker ended")
            finally:
                self.is_connected = False
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _while_connected(self) -> None:
        redis = open_redis()
        worker = _Worker(
            rest=self._rest,
            functions=[func(self._run_jobs, name=FUNCTION)],  # type: ignore[arg-type]
            queue_name=queue_name(),
            redis_pool=redis,
            handle_signals=False,
            poll_delay=EAGER_SECONDS,
            max_jobs=20,
            max_tries=1_000_000,
            job_timeout=MESSAGE_TIMEOUT_SECONDS,
            keep_result=0,
            health_check_interval=15,
            job_serializer=encode,
            job_deserializer=decode,
            log_results=False,
        )
        try:
            await redis.ping()
        except BaseException:
            await close_redis(redis)
            raise
        _log.info("redis is there")
        self.is_connected = True
        parts = [
            asyncio.create_task(worker.async_run()),
            asyncio.create_task(self._clear(redis)),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # Their errors are those of a Redis that is gone; the jobs themselves go on.
            try:
                await end([*parts, *worker.tasks.values()])
            finally:
                await close_redis(redis)

    async def _run_jobs(self, _: dict[Any, Any], message: Sequence[Sequence[str]]) -> None:
        await self.lanes.run(refs_of(message))

    async def _clear(self, redis: ArqRedis) -> NoReturn:
        while True:
            if cleared := await clear_dead_messages(redis):
                _log.info("dead messages cleared", count=cleared)
            await asyncio.sleep(CLEAR_SECONDS)
