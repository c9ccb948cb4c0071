"""The limit of telling many sockets: `websockets.broadcast`, woken through Redis as the others are."""

from __future__ import annotations

import asyncio
import os

from redis.asyncio import Redis
from websockets.asyncio.server import ServerConnection, broadcast, serve

CHANNEL = "bench-broadcast"
_open: set[ServerConnection] = set()


async def hold(connection: ServerConnection) -> None:
    _open.add(connection)
    try:
        await connection.wait_closed()
    finally:
        _open.discard(connection)


async def main() -> None:
    subscription = Redis.from_url(os.environ["BENCH_REDIS_URL"]).pubsub()
    await subscription.subscribe(CHANNEL)
    # Compression costs more than such short messages save; the portal has it off as well.
    async with serve(hold, "127.0.0.1", int(os.environ["PORT"]), compression=None):
        async for message in subscription.listen():
            if message["type"] == "message":
                broadcast(_open, message["data"].decode())


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
