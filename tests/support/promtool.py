"""Finds Prometheus' promtool for the tests of the alert rules, and gets one where there is none.

`python -m tests.support.promtool` does so at set-up. No Python or Node package brings it: it is taken
out of Debian's `prometheus` package, which is not installed for it (ADR 0036).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWN = Path(sys.prefix) / "bin" / "promtool"


class NoPromtool(Exception):
    """There is none and none could be fetched; the message says what to do."""


def find_promtool() -> Path | None:
    """The one named by PROMTOOL, else the system's, else the one beside this Python."""
    return next((found for found in _candidates() if _runs(found)), None)


def ensure_promtool() -> Path:
    """One that runs, fetched if need be. Raises `NoPromtool`."""
    if found := find_promtool():
        return found
    _take_from_debian()
    if found := find_promtool():
        return found
    raise NoPromtool(
        "no promtool was found, and apt could not fetch Debian's prometheus package: "
        "install Prometheus by hand, or name its promtool in PROMTOOL"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("PROMTOOL"):
        yield Path(named)
    if found := shutil.which("promtool"):
        yield Path(found)
    yield OWN


def _runs(promtool: Path) -> bool:
    try:
        answer = subprocess.run(
            [str(promtool), "--version"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _take_from_debian() -> None:
    """Download the package and take out the one file; nothing of the system changes."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return
    print("no promtool here; asking apt for Debian's …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if not _try(["apt-get", "download", "-qq", "prometheus"], folder) and os.geteuid() == 0:
            # The list of packages may be missing, or name a version that is gone.
            _try(["apt-get", "update", "-qq"], folder)
            _try(["apt-get", "download", "-qq", "prometheus"], folder)
        for package in Path(folder).glob("prometheus_*.deb"):
            _try(["dpkg-deb", "--extract", str(package), "out"], folder)
        taken = Path(folder) / "out" / "usr" / "bin" / "promtool"
        if taken.exists():
            # Moved into place under its name at once: two set-ups may run beside each other.
            draft = OWN.with_name(f".promtool-{os.getpid()}")
            shutil.copy(taken, draft)
            draft.replace(OWN)


def _try(command: list[str], folder: str) -> bool:
    """Runs a command that may fail, in `folder`; says whether it did not."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            check=False,
            timeout=300,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {command[0]} did not help: {error}", flush=True)
        return False
    return done.returncode == 0


if __name__ == "__main__":
    try:
        print(f"promtool: {ensure_promtool()}")
    except NoPromtool as reason:
        sys.exit(str(reason))
