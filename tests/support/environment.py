"""The settings of a test run: those of the embedded services, with an address of the portal's own."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def set_environment(services: dict[str, str]) -> None:
    """Put every setting into this process's environment; xdist's workers inherit it.

    Pages are tested over ASGI at an https address, because clients keep Secure cookies back from
    any other; `PORT` is where the identity provider knows a portal that really listens.
    """
    os.environ.update(services | {"ENVIRONMENT": "test", "PUBLIC_URL": "https://portal.test"})


def redis_of(worker: str, url: str) -> str:
    """One of the server's sixteen databases for each of xdist's workers."""
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    return urlsplit(url)._replace(path=f"/{number % 16}").geturl()
