"""Litestar's channels as they come: its Redis backend and the socket routes that it makes itself."""

from __future__ import annotations

import os

from litestar import Litestar
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.redis import RedisChannelsPubSubBackend
from redis.asyncio import Redis

CHANNEL = "bench"


def create_app() -> Litestar:
    backend = RedisChannelsPubSubBackend(redis=Redis.from_url(os.environ["BENCH_REDIS_URL"]))
    plugin = ChannelsPlugin(backend, channels=[CHANNEL], create_ws_route_handlers=True)
    return Litestar(plugins=[plugin], openapi_config=None)
