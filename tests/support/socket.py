"""A websocket client over ASGI, in the test's own loop: what a page's socket sends and hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from app.web.shell import Portal
from tests.support.client import origin

PATIENCE_SECONDS = 10


class Socket:
    """`code` is set once the server has closed; `opened` once it has accepted."""

    def __init__(self) -> None:
        self.opened = False
        self.code: int | None = None
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def next(self) -> Any:
        """The next frame, decoded; raises `AssertionError` when the server closes instead."""
        message = await self._message()
        assert message["type"] == "websocket.send", f"closed with {self.code}"
        return msgspec.json.decode(message["text"])

    async def closed(self) -> int:
        """Wait until the server closes, and give its code."""
        while self.code is None:
            await self._message()
        return self.code

    async def say(self, text: str) -> None:
        await self._to_server.put({"type": "websocket.receive", "text": text})

    async def _message(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._from_server.get(), PATIENCE_SECONDS)
        if message["type"] == "websocket.accept":
            self.opened = True
            return await self._message()
        if message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
        return message

    async def wait_open(self) -> None:
        message = await asyncio.wait_for(self._from_server.get(), PATIENCE_SECONDS)
        self.opened = message["type"] == "websocket.accept"
        if not self.opened:
            self.code = message.get("code")


@asynccontextmanager
async def open_socket(
    portal: Portal,
    token: str,
    *,
    cookies: Mapping[str, str],
    from_origin: str | None = None,
) -> AsyncIterator[Socket]:
    """Connect to `/live` with the page's signed topics and the browser's cookies."""
    socket = Socket()
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "wss",
        "path": "/live",
        "raw_path": b"/live",
        "root_path": "",
        "query_string": f"topics={token}".encode(),
        "headers": [
            (b"host", b"portal.test"),
            (b"origin", (from_origin or origin()).encode()),
            (b"cookie", cookie.encode()),
        ],
        "subprotocols": [],
        "client": ("10.9.9.9", 50000),
        "server": ("portal.test", 443),
    }
    await socket._to_server.put({"type": "websocket.connect"})
    task = asyncio.create_task(portal(scope, socket._to_server.get, socket._from_server.put))
    try:
        await socket.wait_open()
        yield socket
    finally:
        await socket._to_server.put({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(task, PATIENCE_SECONDS)
