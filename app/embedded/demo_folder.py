"""`.stakehold/`: the data of the demo in this clone, the lock that keeps it to one demo at a time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO

from app.embedded.postgres import forget_cluster
from app.embedded.process import REPOSITORY

DEMO_FOLDER = REPOSITORY / ".stakehold"

_LOG_BYTES_MAX = 10 * 1024 * 1024


class DemoIsRunning(Exception):
    """Another process holds the lock of this folder."""


class DemoIsNotRunning(Exception):
    """Nobody holds the lock, so there is no database to talk to."""


def take_lock(folder: Path = DEMO_FOLDER) -> IO[str]:
    """The lock, held while the answer stays open. The kernel lets go of it when we die."""
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DemoIsRunning(f"a demo is already running in {folder.parent}") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def supervisor_of(folder: Path = DEMO_FOLDER) -> int:
    """The process id of the demo's supervisor; raises `DemoIsNotRunning`."""
    if folder.exists():
        holder = (folder / "lock").read_text() if (folder / "lock").exists() else ""
        try:
            take_lock(folder).close()
        except DemoIsRunning:
            return int(holder)
    raise DemoIsNotRunning("no demo is running here: start one with `make demo`")


def write_environment(environment: dict[str, str], folder: Path = DEMO_FOLDER) -> None:
    """Leaves the settings of the running demo for commands such as `verify` in another terminal."""
    file = folder / "environment.json"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(environment, out, indent=2)


def running_environment(folder: Path = DEMO_FOLDER) -> dict[str, str]:
    """The settings of the demo that runs in this clone; raises `DemoIsNotRunning`."""
    file = folder / "environment.json"
    if file.exists():
        try:
            take_lock(folder).close()
        except DemoIsRunning:
            settings: dict[str, str] = json.loads(file.read_text())
            return settings
    raise DemoIsNotRunning(
        "no demo is running here: start one with `make demo`, or set DATABASE_URL"
    )


def cut_logs(folder: Path) -> None:
    """Sets logs aside that have grown too long; keeps one generation."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > _LOG_BYTES_MAX:
            log.rename(log.with_suffix(".log.old"))


def reset(folder: Path = DEMO_FOLDER) -> None:
    """Forgets everything the demo has kept. Raises `DemoIsRunning`."""
    if not folder.exists():
        return
    with take_lock(folder):
        forget_cluster(folder / "postgres")
        shutil.rmtree(folder)
