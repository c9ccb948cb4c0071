"""What one request carries along from the outermost wrapper: its id, where it comes from, and what
the wrapper shall add to the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from litestar.connection import ASGIConnection


class Trace(msgspec.Struct, kw_only=True):
    request_id: str
    address: str
    headers: list[tuple[bytes, bytes]] = []
    # W3C Trace Context of the request's span; empty where spans go nowhere.
    traceparent: str = ""
    # Milliseconds that parts of the answer took, for its Server-Timing.
    timings: dict[str, float] = {}

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the body's time into `part`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            took_ms = (time.perf_counter() - started) * 1000
            self.timings[part] = self.timings.get(part, 0.0) + took_ms

    def server_timing(self, total_seconds: float) -> bytes:
        """The header of that name, as its W3C draft writes it."""
        timings = self.timings | {"total": total_seconds * 1000}
        return ", ".join(f"{part};dur={took:.1f}" for part, took in timings.items()).encode()


def trace_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Trace:
    found: Trace = connection.scope["state"]["trace"]
    return found
