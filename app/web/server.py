"""One web process: uvicorn around the application, on a socket of its own or on an inherited one.

How it ends: it says so (readiness is 503, answers carry `Connection: close`, live pages are sent
elsewhere), goes on answering until its visitors have left, and only then closes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time

import uvicorn

from app.memory import spare_what_is_loaded
from app.notify import READY, STOPPING, notify
from app.web.live_protocol import LiveProtocol
from app.web.shell import Portal

# Supervisors give a process ten seconds. By this time the last request is answered, or undone; what
# closes behind it (pool, Redis) takes the rest.
END_SECONDS = 8
# A socket of our own stays open for as long as a load balancer takes to notice; from one that is
# shared the other processes take at once.
NOTICE_SECONDS = 2
# A connection that waits for its next request gets it answered, if it comes within this time.
LEAVING_SECONDS = 2
_LOOK_SECONDS = 0.05

# Pages have nothing to say: more than this is refused before it is read.
LIVE_FRAME_BYTES_MAX = 4096

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NotLoopback(Exception):
    """The demo's passwords are known to everybody: it may listen on loopback only."""


class Server(uvicorn.Server):
    """uvicorn's, which closes idle connections at once: a request that is on its way on one of them
    would be lost. `is_shared`: others accept from the same socket.
    """

    def __init__(self, config: uvicorn.Config, portal: Portal, *, is_shared: bool) -> None:
        super().__init__(config)
        self._portal = portal
        self._notice_seconds = 0 if is_shared else NOTICE_SECONDS
        config.timeout_graceful_shutdown = END_SECONDS - self._notice_seconds - LEAVING_SECONDS

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        spare_what_is_loaded()
        notify(READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify(STOPPING)
        self._portal.drain()
        # The main loop, which makes these anew each second, has ended.
        self.server_state.default_headers.append((b"connection", b"close"))
        self._send_live_pages_elsewhere()
        await self._wait(self._notice_seconds)
        for server in self.servers:
            server.close()
        await self._wait(LEAVING_SECONDS, until_left=True)
        await super().shutdown(sockets)

    def _send_live_pages_elsewhere(self) -> None:
        """With 1012, "service restart", on which a page connects again at once."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, self.config.ws_protocol_class or ()):
                connection.shutdown()

    async def _wait(self, seconds: float, *, until_left: bool = False) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.force_exit:
            if until_left and not self.server_state.connections:
                return
            await asyncio.sleep(_LOOK_SECONDS)


def run(fd: int | None) -> None:
    """Serves until SIGTERM. `fd` is a listening socket that several processes share.

    Without it, STAKEHOLD_HOST and PORT say where to listen. FORWARDED_ALLOW_IPS names the proxies
    whose word on a visitor's address is taken; left out, nobody's is. Raises `NotLoopback`.
    """
    from app.asgi import create_app

    host = os.environ.get("STAKEHOLD_HOST", "127.0.0.1")
    inherited = None if fd is None else socket.socket(fileno=fd)
    address = host if inherited is None else inherited.getsockname()[0]
    if os.environ.get("ENVIRONMENT") == "demo" and address not in _LOOPBACK:
        raise NotLoopback(f"the demo may not listen on {address}")
    trusted_proxies = os.environ.get("FORWARDED_ALLOW_IPS", "")
    portal = create_app()
    config = uvicorn.Config(
        portal,
        host=host,
        port=int(os.environ.get("PORT") or 8000),
        loop="uvloop",
        http="httptools",
        ws=LiveProtocol,
        ws_max_size=LIVE_FRAME_BYTES_MAX,
        # Hints are shorter than what compressing them costs, in time and in memory of each socket.
        ws_per_message_deflate=False,
        # On by default, and uvicorn then believes whatever comes from 127.0.0.1.
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        access_log=False,
        server_header=False,
        # Its own would come after ours, and write past what masks secrets (`app.logging`).
        log_config=None,
    )
    server = Server(config, portal, is_shared=inherited is not None)
    server.run(sockets=None if inherited is None else [inherited])
