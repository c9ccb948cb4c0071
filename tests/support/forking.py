"""Processes of our own for tests to kill, forked by a server that has imported what they run.

They start without what importing the portal costs, which is most of what starting one costs.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from app.settings import settings

_PARTS = ("tests.support.killed_worker", "tests.support.worker_process")
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(list(_PARTS))


def forked(
    part: str, *given: Any, environment: dict[str, str] | None = None, log: Path | None = None
) -> ForkServerProcess:
    """Start `main(*given)` of the module `part`, which is one of `_PARTS`.

    It has `environment` (without one, this process's), and says what it says in `log`.
    """
    assert part in _PARTS
    process = _processes.Process(
        target=_run, args=(part, given, environment or dict(os.environ), log)
    )
    process.start()
    return process


def _run(part: str, given: tuple[Any, ...], environment: dict[str, str], log: Path | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    if log is not None:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
    importlib.import_module(part).main(*given)
