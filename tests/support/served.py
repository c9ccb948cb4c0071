"""The portal behind uvicorn, in the tests' own loop and on a port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from app.web.shell import Portal


class _Server(uvicorn.Server):
    """Leaves the signals of the test run alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def served_on(listening: socket.socket, portal: Portal, **config: Any) -> AsyncIterator[None]:
    """`portal`, which runs already, answers on a bound socket; `config` is uvicorn's."""
    server = _Server(
        uvicorn.Config(
            portal,
            loop="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
            **config,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
