"""A thousand sockets that count what they are told, and the voice that makes a server tell them.

Frames are read as bytes, so that the reader costs little beside the server it shares the machine with.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from typing import Any

from redis.asyncio import Redis

from bench.contestants.visitors import address_of
from bench.protocol import run, serve

TOLD_SECONDS_MAX = 30.0
SETTLE_SECONDS = 0.1
OPENING = 50
TEXT, PING, CLOSE = 0x1, 0x9, 0x8


class Socket(asyncio.Protocol):
    """One connection: it answers pings, and hands each text that it is told to `heard`."""

    def __init__(self, heard: Any, request: bytes) -> None:
        self._heard = heard
        self._request = request
        self._rest = b""
        self.has_heard = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self.opened.done():
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(RuntimeError(head.decode(errors="replace")))
                return
            self._rest = rest
            self.opened.set_result(None)
        while (frame := self._frame()) is not None:
            kind, content = frame
            if kind == TEXT:
                self.has_heard = True
                self._heard(content)
            elif kind == PING:
                self.transport.write(bytes([0x8A, 0x80 | len(content), 0, 0, 0, 0]) + content)
            elif kind == CLOSE:
                self.transport.close()

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame; servers do not mask theirs."""
        rest = self._rest
        if len(rest) < 2:
            return None
        size, start = rest[1] & 0x7F, 2
        if size == 126:
            if len(rest) < 4:
                return None
            size, start = int.from_bytes(rest[2:4], "big"), 4
        assert size < 126 or start == 4, "nobody sends more than 64 KB"
        if len(rest) < start + size:
            return None
        self._rest = rest[start + size :]
        return rest[0] & 0xF, rest[start : start + size]


class Listeners:
    """All sockets to one server."""

    def __init__(self) -> None:
        self._sockets: list[Socket] = []
        self._waiting_for = b""
        self._left = 0
        self._all_heard = asyncio.Event()
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self.told = 0

    async def open(self, *, port: int, requests: list[list[str]]) -> dict[str, Any]:
        """A socket for each request: its path and its further header lines."""
        loop = asyncio.get_running_loop()
        turns = asyncio.Semaphore(OPENING)

        async def one(number: int, path: str, headers: list[str]) -> Socket:
            request = "\r\n".join(
                [
                    f"GET {path} HTTP/1.1",
                    f"Host: localhost:{port}",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
                    *headers,
                    "",
                    "",
                ]
            )
            async with turns:
                _, socket = await loop.create_connection(
                    lambda: Socket(self._heard, request.encode()),
                    "127.0.0.1",
                    port,
                    local_addr=(address_of(number), 0),
                )
                await socket.opened
            return socket

        self._sockets += await asyncio.gather(
            *(one(number, path, headers) for number, (path, *headers) in enumerate(requests))
        )
        return {"open": len(self._sockets)}

    async def spread(self, *, channel: str, message: str, first: int, count: int) -> dict[str, Any]:
        """Publish so many, each once all have heard the one before; how many were delivered."""
        await self._settle(channel, message)
        started = time.perf_counter()
        for number in range(first, first + count):
            version = f"v{number:09}"
            self._waiting_for, self._left = version.encode(), len(self._sockets)
            self._all_heard.clear()
            await self._redis.publish(channel, message.replace("VERSION", version))
            async with asyncio.timeout(TOLD_SECONDS_MAX):
                await self._all_heard.wait()
        return {"count": count * len(self._sockets), "seconds": time.perf_counter() - started}

    async def _settle(self, channel: str, message: str) -> None:
        """A socket is open a moment before it listens: publish until each has heard something."""
        async with asyncio.timeout(TOLD_SECONDS_MAX):
            number = 0
            while not all(socket.has_heard for socket in self._sockets):
                number += 1
                await self._redis.publish(channel, message.replace("VERSION", f"first{number}"))
                await asyncio.sleep(SETTLE_SECONDS)

    def _heard(self, content: bytes) -> None:
        if b'"first' in content:
            return
        assert self._waiting_for in content, f"{self._waiting_for!r} was said, not {content!r}"
        self.told += 1
        self._left -= 1
        if self._left == 0:
            self._all_heard.set()

    async def check(self) -> dict[str, Any]:
        closed = sum(socket.transport.is_closing() for socket in self._sockets)
        return {"told": self.told, "open": len(self._sockets) - closed}


async def main() -> None:
    listeners = Listeners()
    await serve({"open": listeners.open, "spread": listeners.spread, "check": listeners.check})


if __name__ == "__main__":
    run(main)
