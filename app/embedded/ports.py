"""Ports on loopback: chosen once, remembered in a file, chosen anew when somebody else has taken one."""

from __future__ import annotations

import json
import random
import socket
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

HOST = "127.0.0.1"

# Below the range that the kernel hands out to outgoing connections, which could otherwise sit on
# a remembered port just when the portal starts again.
_LOWEST, _HIGHEST = 20000, 32000


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def answers_well(url: str) -> bool:
    """Whether a GET of `url`, past any proxy of the surroundings, gives 200."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # URLError and HTTPError among them
        return False


def free_port(taken: frozenset[int] = frozenset()) -> int:
    while True:
        port = random.randint(_LOWEST, _HIGHEST)
        if port not in taken and is_free(port):
            return port


class RememberedPorts:
    """The ports of one data folder, by name. Stable ports keep the identity provider's issuer stable."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, name: str) -> int:
        port = self._ports.get(name)
        if port is None or not _becomes_free(port):
            port = free_port(frozenset(self._ports.values()))
            self._ports[name] = port
            self._file.write_text(json.dumps(self._ports, indent=2) + "\n")
        return port


def _becomes_free(port: int, seconds: float = 3.0) -> bool:
    """Waits a little: the processes of a run that was killed may still be going down."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
