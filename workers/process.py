"""What the worker and the relay have in common: how a process starts, and how it ends."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvloop
from prometheus_client import start_http_server

from app import registry
from app.kernel.database import start_pool, stop_pool
from app.kernel.processes import Part, reporting
from app.logging import configure_logging
from app.memory import spare_what_is_loaded
from app.notify import READY, STOPPING, notify
from app.settings import settings
from app.tracing import exported_spans

CANCEL_AGAIN_SECONDS = 0.1

_log = structlog.get_logger(__name__)


def run_to_end(part: Coroutine[Any, Any, None]) -> None:
    """Run `part` in an event loop of its own, and end the process with it.

    It has finished or undone all its work when it returns. What libraries have left behind then holds
    nobody up: closing a loop waits without end for threads (a name that DNS does not answer for) and
    for tasks that swallow the one cancellation that they are given.
    """
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(part)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@asynccontextmanager
async def started(name: str) -> AsyncIterator[asyncio.Event]:
    """Logs, declarations and the pool; gives an event that the first SIGTERM or SIGINT sets."""
    configure_logging(settings().log_level)
    registry.load()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A supervisor may say it twice in a millisecond: saying it again changes nothing.
        loop.add_signal_handler(number, stopping.set)
    if settings().metrics_port:
        start_http_server(settings().metrics_port)
    with exported_spans(name):
        await _open_pool()
        spare_what_is_loaded()
        _log.info("started", part=name)
        notify(READY)
        try:
            async with reporting(Part(name)):
                yield stopping
        finally:
            notify(STOPPING)
            await stop_pool()
            _log.info("stopped", part=name)


async def _open_pool() -> None:
    """Wait for the database: processes start in any order."""
    while True:
        try:
            await start_pool(settings().database_url, size=settings().database_pool_size)
            return
        except OSError as error:
            _log.warning("database not there yet", error=type(error).__name__)
            await asyncio.sleep(0.5)


@asynccontextmanager
async def running(parts: Iterable[Awaitable[object]]) -> AsyncIterator[None]:
    """Run `parts` beside the body and cancel them after it; one that ends by itself is a fault."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    for task in tasks:
        task.add_done_callback(_ended)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(_ended)
        await end(tasks)


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel them until every one has ended; what they raise is of no interest any more.

    Once is not enough: Python's and the Redis client's time-outs may swallow a cancellation that
    comes at the moment in which what they wait for is there. Whoever waits here may be told again to
    end, for the same reason: it does so when they have ended, and not before, or they would go on
    by themselves.
    """
    is_told_again = False
    while pending := {task for task in tasks if not task.done()}:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        except asyncio.CancelledError:
            is_told_again = True
    await asyncio.gather(*tasks, return_exceptions=True)
    if is_told_again:
        raise asyncio.CancelledError


def _ended(task: asyncio.Future[object]) -> None:
    if not task.cancelled():
        # Stop at once and be started anew, rather than live on without one of the parts.
        _log.error("a part ended", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)
