"""Litestar's Redis channels, made to survive Redis: its own loops end at the first lost connection,
and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from litestar.channels.backends.redis import RedisChannelsPubSubBackend
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.settings import settings

_log = structlog.get_logger(__name__)
PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 5.0


def new_redis() -> Redis:
    """Notices a dead connection by itself; never keeps anybody waiting to connect."""
    redis: Redis = Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=1,
        socket_keepalive=True,
        health_check_interval=10,
    )
    return redis


class ResilientChannels(RedisChannelsPubSubBackend):
    """Publish/subscribe that comes back. What was published meanwhile is lost: `on_return` is called
    after each return, for everybody to look again.
    """

    def __init__(self, *, redis: Redis, on_return: Callable[[], None]) -> None:
        super().__init__(redis=redis)
        self._on_return = on_return
        self._wanted: set[str] = set()
        self._is_lost = False

    async def subscribe(self, channels: Iterable[str]) -> None:
        self._wanted |= set(channels)
        try:
            await super().subscribe(channels)
        except (RedisError, OSError) as error:
            self._note_lost(error)
            # Wakes the reader below, which subscribes once Redis is back.
            self._has_subscribed.set()

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        self._wanted -= set(channels)
        try:
            await super().unsubscribe(channels)
        except (RedisError, OSError) as error:
            self._note_lost(error)

    async def publish(self, data: bytes, channels: Iterable[str]) -> None:
        try:
            await super().publish(data, channels)
        except (RedisError, OSError) as error:
            _log.warning("a live update was dropped", reason=type(error).__name__)

    async def stream_events(self) -> AsyncGenerator[tuple[str, Any], None]:
        pause = PAUSE_SECONDS_MIN
        while True:
            try:
                if self._is_lost:
                    await super().subscribe(self._wanted)
                    self._is_lost = False
                    self._on_return()
                async for event in super().stream_events():
                    pause = PAUSE_SECONDS_MIN
                    yield event
            # RuntimeError: redis-py says so when the very first subscription found no Redis.
            except (RedisError, OSError, RuntimeError) as error:
                self._note_lost(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def on_shutdown(self) -> None:
        with suppress(RedisError, OSError):
            await super().on_shutdown()
        await self._redis.aclose()

    def _note_lost(self, error: Exception) -> None:
        if not self._is_lost:
            _log.warning("live updates wait for Redis", reason=type(error).__name__)
        self._is_lost = True
