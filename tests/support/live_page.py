"""The socket of an open page over the network: it comes back as the page's script would, and notes
for how long it was dark.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

# As static/src/js/live.js and the configuration of htmx in layouts/document.html have them.
RECONNECTING_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1014})
RECONNECT_SECONDS = 0.25
RECONNECT_SECONDS_MAX = 8.0
JITTER = 0.3


class LivePage:
    """`dark` are the seconds of each time without a socket; `codes` what it was closed with."""

    def __init__(self, *, url: str, topics: str, cookie: str) -> None:
        self._address = f"{url.replace('http', 'ws', 1)}/live?topics={topics}"
        self._origin = url
        self._cookie = cookie
        self.dark: list[float] = []
        self.codes: Counter[int] = Counter()
        self.hints = 0
        self.opened = asyncio.Event()

    async def stay_open(self) -> None:
        """Until cancelled; ends by itself only where a page would give up."""
        attempt, dark_since = 0, None
        while True:
            code = 1006
            with suppress(OSError, TimeoutError, InvalidHandshake):
                async with connect(
                    self._address,
                    origin=self._origin,  # type: ignore[arg-type]
                    additional_headers={"Cookie": self._cookie},
                    proxy=None,
                ) as socket:
                    if dark_since is not None:
                        self.dark.append(time.monotonic() - dark_since)
                    attempt, dark_since = 0, None
                    self.opened.set()
                    code = await self._hear(socket)
            self.codes[code] += 1
            if code not in RECONNECTING_CODES:
                return
            dark_since = dark_since or time.monotonic()
            delay = min(RECONNECT_SECONDS * 2**attempt, RECONNECT_SECONDS_MAX)
            attempt += 1
            await asyncio.sleep(delay * random.uniform(1 - JITTER, 1 + JITTER))

    async def _hear(self, socket: object) -> int:
        try:
            while True:
                await socket.recv()  # type: ignore[attr-defined]
                self.hints += 1
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
