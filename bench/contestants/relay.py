"""Ours: the relay, as `workers.relay` runs it; nothing is asked of it."""

from __future__ import annotations

import asyncio

from bench.protocol import run, serve
from workers import relay


async def main() -> None:
    running = asyncio.create_task(relay.run())
    await serve({})
    running.cancel()


if __name__ == "__main__":
    run(main)
