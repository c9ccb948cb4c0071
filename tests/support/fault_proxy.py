"""A way between two of our processes that a test can spoil: slow, silent, closed or torn.

    async with FaultProxy(target_port) as proxy:
        ...                        # connect to proxy.port instead
        proxy.slow(0.2)            # each message takes so much longer, both ways
        proxy.hush()               # takes what is sent and passes nothing on, until healed
        proxy.cut(), proxy.reset() # every open connection ends: orderly, or with RST
        proxy.reset_at(5)          # the fifth message from now is cut off half way
        proxy.refuse()             # nobody gets through any more
        proxy.heal()

It lives in the event loop that opened it. `spoil` does one of these at random, from a seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from types import TracebackType

HOST = "127.0.0.1"
CHUNK_BYTES = 65536


class FaultProxy:
    """Between `port` (chosen by the system) and `target_port`, both on loopback."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._open = asyncio.Event()
        self._open.set()
        self._messages_left: int | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.reset()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        return len(self._ends) // 2

    def slow(self, seconds: float) -> None:
        self._delay_seconds = seconds

    def hush(self) -> None:
        self._open.clear()

    def refuse(self) -> None:
        self._is_refusing = True
        self.reset()

    def reset_at(self, message: int) -> None:
        """The `message`-th from now, of any connection and direction, arrives by half."""
        self._messages_left = message

    def cut(self) -> None:
        for end in list(self._ends):
            end.close()

    def reset(self) -> None:
        for end in list(self._ends):
            _tear(end)

    def heal(self) -> None:
        """As though nothing had been; what was held back is passed on."""
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._messages_left = None
        self._open.set()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            _tear(writer)
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            _tear(writer)
            return
        ends = {writer, back}
        self._ends |= ends
        try:
            pumps = [
                asyncio.ensure_future(self._pump(reader, back)),
                asyncio.ensure_future(self._pump(there, writer)),
            ]
            try:
                # An end that has said its last word may still listen: the other way goes on.
                await asyncio.gather(*pumps)
            finally:
                for pump in pumps:
                    pump.cancel()
        except (OSError, _Torn):
            for end in ends:
                _tear(end)
        finally:
            self._ends -= ends
            for end in ends:
                end.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            await self._open.wait()
            if self._is_torn_now():
                target.write(chunk[: len(chunk) // 2])
                await target.drain()
                raise _Torn
            target.write(chunk)
            await target.drain()
        with contextlib.suppress(OSError):
            target.write_eof()

    def _is_torn_now(self) -> bool:
        if self._messages_left is None:
            return False
        self._messages_left -= 1
        if self._messages_left > 0:
            return False
        self._messages_left = None
        return True


class _Torn(Exception):
    """This message is the one that does not arrive whole."""


def _tear(end: asyncio.StreamWriter) -> None:
    """RST instead of FIN: what was on its way is lost."""
    connection: socket.socket | None = end.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()


async def spoil(proxy: FaultProxy, dice: random.Random, *, seconds: float) -> str:
    """One fault of those above for about so long; says which. The proxy is healed afterwards."""
    faults: dict[str, Callable[[], None]] = {
        "slow": lambda: proxy.slow(dice.uniform(0.02, 0.2)),
        "hushed": proxy.hush,
        "cut": proxy.cut,
        "reset": proxy.reset,
        "torn": lambda: proxy.reset_at(dice.randint(1, 20)),
        "refusing": proxy.refuse,
    }
    name = dice.choice(list(faults))
    faults[name]()
    try:
        await asyncio.sleep(dice.uniform(0.2, 1.0) * seconds)
    finally:
        proxy.heal()
    return name
