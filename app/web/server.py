"""One web process: uvicorn around the application, on a socket of its own or on an inherited one."""

from __future__ import annotations

import os
import socket

import uvicorn

# Long enough for a page to finish, shorter than the patience of whoever sent SIGTERM.
_GRACE_SECONDS = 8

# Pages have nothing to say: more than this is refused before it is read.
LIVE_FRAME_BYTES_MAX = 4096

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NotLoopback(Exception):
    """The demo's passwords are known to everybody: it may listen on loopback only."""


def run(fd: int | None) -> None:
    """Serves until SIGTERM. `fd` is a listening socket that several processes share.

    Without it, STAKEHOLD_HOST and PORT say where to listen. FORWARDED_ALLOW_IPS names the proxies
    whose word on a visitor's address is taken; left out, nobody's is. Raises `NotLoopback`.
    """
    host = os.environ.get("STAKEHOLD_HOST", "127.0.0.1")
    inherited = None if fd is None else socket.socket(fileno=fd)
    address = host if inherited is None else inherited.getsockname()[0]
    if os.environ.get("ENVIRONMENT") == "demo" and address not in _LOOPBACK:
        raise NotLoopback(f"the demo may not listen on {address}")
    trusted_proxies = os.environ.get("FORWARDED_ALLOW_IPS", "")
    config = uvicorn.Config(
        "app.asgi:create_app",
        factory=True,
        host=host,
        port=int(os.environ.get("PORT") or 8000),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=LIVE_FRAME_BYTES_MAX,
        # Hints are shorter than what compressing them costs, in time and in memory of each socket.
        ws_per_message_deflate=False,
        # On by default, and uvicorn then believes whatever comes from 127.0.0.1.
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=None if inherited is None else [inherited])
