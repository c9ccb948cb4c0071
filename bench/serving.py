"""A server as a process, until whoever needs it is done."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from app.embedded.kernel_calls import signal_when_parent_dies
from bench.contest import ROOT
from bench.stage import Stage

READY_SECONDS_MAX = 60.0


@contextmanager
def serving(
    command: Sequence[str],
    stage: Stage,
    environment: Mapping[str, str],
    *,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it and wait until its `PORT` answers, if it has one; stop it by SIGTERM."""
    log = stage.folder / f"server.{os.urandom(3).hex()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            pass_fds=tuple(pass_fds),
            preexec_fn=lambda: signal_when_parent_dies(signal.SIGTERM),
        )
    try:
        until = time.monotonic() + READY_SECONDS_MAX
        while "PORT" in environment and not _answers(int(environment["PORT"])):
            assert process.poll() is None, f"{command}:\n{log.read_text(errors='replace')[-4000:]}"
            assert time.monotonic() < until, f"{command} was not ready in time"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
