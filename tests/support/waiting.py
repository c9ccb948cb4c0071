"""Wait for what another process does: looks often, and fails with what it last saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    look: Callable[[], Awaitable[Any]], wanted: Any, *, within_seconds: float
) -> float:
    """Look until `wanted` is seen, and return the seconds that it took."""
    began = time.monotonic()
    while True:
        seen = await look()
        took = time.monotonic() - began
        if seen == wanted:
            return took
        assert took < within_seconds, f"after {took:.1f} s still {seen!r}, not {wanted!r}"
        await asyncio.sleep(0.005)
