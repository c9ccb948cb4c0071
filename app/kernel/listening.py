"""Hear PostgreSQL's NOTIFY on a connection of our own, for as long as the process runs.

A notification is only ever a reason to look: whoever listens also looks regularly without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import asyncpg
import structlog

PROBE_SECONDS = 5.0
RECONNECT_SECONDS_MAX = 1.0

_log = structlog.get_logger(__name__)


async def listen(url: str, *, wake: Mapping[str, Callable[[], object]]) -> NoReturn:
    """Call `wake[channel]()` for every notification; reconnects, without end, until cancelled.

    Each is also called after every connection, for what was missed before it.
    """
    delay = 0.05
    while True:
        try:
            connection = await asyncpg.connect(
                url, timeout=5, server_settings={"application_name": "stakehold-listen"}
            )
        except Exception as error:
            # Whatever it is (a client cut off in mid-sentence raises many things): hear again.
            _log.warning("cannot listen", error=type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(delay * 2, RECONNECT_SECONDS_MAX)
            continue
        delay = 0.05
        try:
            await _hear(connection, list(wake), wake)
        except Exception as error:
            _log.warning("listening again", error=type(error).__name__)
            # Or an error that comes back at once would have us connect without a pause.
            await asyncio.sleep(delay)
        finally:
            connection.terminate()


async def _hear(
    connection: asyncpg.Connection,
    channels: Sequence[str],
    wake: Mapping[str, Callable[[], object]],
) -> NoReturn:
    def heard(_: Any, __: int, channel: str, ___: object) -> None:
        wake[channel]()

    for channel in channels:
        await connection.add_listener(channel, heard)
    for channel in channels:
        wake[channel]()
    while True:
        # A connection that broke without a word is found here.
        await asyncio.sleep(PROBE_SECONDS)
        await connection.fetchval("SELECT 1", timeout=PROBE_SECONDS)
