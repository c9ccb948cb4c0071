"""Browsers without a screen: connections that stay open and ask for a page again and again.

Each has an address of its own (the whole of 127/8 is this machine), as a thousand people would, so that
limits per address hold as they are. Standard library only.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from bench.protocol import run, serve

Answer = tuple[int, bytes, bytes]


class Connection:
    """HTTP/1.1, kept alive; one request at a time."""

    def __init__(self, host: str, port: int, number: int) -> None:
        self._host = host
        self._port = port
        self._address = address_of(number)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(
        self, path: str, headers: dict[str, str], *, method: str = "GET", body: bytes = b""
    ) -> Answer:
        """Status, head and body."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, local_addr=(self._address, 0), limit=2**20
            )
        assert self._reader is not None, "both are opened together"
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: localhost:{self._port}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if method != "GET":
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        content = await self._body(self._reader, lower)
        if b"connection: close" in lower:
            self.close()
        return int(head.split(b" ", 2)[1]), head, content

    @staticmethod
    async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if found:
            return await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        if b"transfer-encoding: chunked" not in head:
            return b""
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def address_of(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


async def visit(
    *, port: int, path: str, cookies: list[str], clients: int, seconds: float, marker: str
) -> dict[str, Any]:
    """So many clients ask for the page for so long, each as one of the people in turn.

    Raises AssertionError where an answer is not that page.
    """
    wanted = marker.encode()
    took: list[float] = []
    statuses: Counter[int] = Counter()
    size = 0
    started = time.perf_counter()
    until = started + seconds

    async def client(number: int) -> None:
        nonlocal size
        # Whose turn it is: every client begins with other people.
        turn = number
        connection = Connection("127.0.0.1", port, number)
        while time.perf_counter() < until:
            begun = time.perf_counter()
            status, head, body = await connection.ask(
                path, {"Cookie": cookies[turn % len(cookies)]}
            )
            took.append(time.perf_counter() - begun)
            statuses[status] += 1
            assert status == 200 and wanted in body, f"{status}: {head!r} {body[:2000]!r}"
            size = len(body)
            turn += clients
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return {"count": len(took), "seconds": time.perf_counter() - started, "bytes": size}


async def main() -> None:
    await serve({"visit": visit})


if __name__ == "__main__":
    run(main)
