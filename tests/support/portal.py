"""The whole portal in processes of its own, as `make demo` runs it, in a folder of its own.

`python -m tests.support.portal PORT FOLDER` runs it in the foreground.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.embedded.kernel_calls import signal_when_parent_dies
from app.embedded.supervisor import Supervisor
from tests.support.log_search import leaks_in, secrets_of

READY_SECONDS = 120


@dataclass(frozen=True)
class Portal:
    """`environment` are the settings of its processes, so that a test can reach what they reach."""

    port: int
    folder: Path
    process_id: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def children(self, name: str) -> list[int]:
        """Process ids of its web, worker or relay processes."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_text().split("\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process_id and name in words:
                found.append(int(entry.name))
        return found

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")


@contextmanager
def running_portal(*, port: int, folder: Path) -> Iterator[Portal]:
    """Start it, wait until it is ready, stop it as Ctrl-C would.

    Nothing that its processes logged may hold a secret, or say who somebody is.
    """
    output = folder / "portal.log"
    folder.mkdir(parents=True, exist_ok=True)
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.portal", str(port), str(folder)],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, output)
        yield Portal(
            port=port,
            folder=folder,
            process_id=process.pid,
            environment=json.loads((folder / "environment.json").read_text()),
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    found = leaks_of(folder)
    assert found == [], "\n".join(found[:20])


def leaks_of(folder: Path) -> list[str]:
    """Where the logs of the portal that ran in this folder say what they must not."""
    environment = json.loads((folder / "environment.json").read_text())
    return leaks_in((folder / "logs").glob("*.log"), secrets=secrets_of(environment))


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the portal ended while starting:\n{output.read_text()}")
        try:
            if httpx.get(f"http://localhost:{port}/health/ready", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the portal was not ready in time:\n{output.read_text()}")


if __name__ == "__main__":
    # Should the test run be killed, nothing of it stays behind.
    signal_when_parent_dies(signal.SIGTERM)
    os.environ.setdefault("SANDBOX_CONFIRM_SECONDS", "0.3")
    # Two clients and nothing asked for: each journey makes what it needs, and starts sooner.
    os.environ.setdefault("DEMO_SCALE", "small")
    sys.exit(Supervisor(port=int(sys.argv[1]), folder=Path(sys.argv[2])).run())
