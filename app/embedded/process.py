"""One child process: started in its own session, watched, stopped, its log kept."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.embedded.kernel_calls import signal_when_parent_dies

REPOSITORY = Path(__file__).resolve().parents[2]


class ServiceFailed(Exception):
    """A process did not start, or died while something waited for it; the message ends with its log."""


class Interrupted(Exception):
    """Somebody asked to stop while something was still being waited for."""


class Child:
    """A process in its own session, so that a Ctrl-C in the terminal reaches the supervisor alone.

    Start children from the main thread only: the kernel sends `orphan_signal` when the *thread*
    that started them ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_seconds: float = 10.0,
        folder: Path = REPOSITORY,
        before_exec: Callable[[], None] | None = None,
        user: int | None = None,
        says_ready: bool = False,
    ) -> None:
        """`says_ready`: it speaks app/notify.py, which `has_said_ready` listens to."""
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment) if environment is not None else None
        self._pass_fds = tuple(pass_fds)
        self._stop_signal = stop_signal
        self._stop_seconds = stop_seconds
        self._folder = folder
        self._before_exec = before_exec
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._says_ready = says_ready
        self._ear: socket.socket | None = None
        self._has_said_ready = False

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = self._listen_for_ready()
        parent = os.getpid()

        def prepare() -> None:
            if self._before_exec is not None:
                self._before_exec()
            # After `before_exec`: entering a user namespace clears this request.
            signal_when_parent_dies(self._stop_signal)
            if os.getppid() != parent:
                os._exit(1)  # the parent died before the request was made

        # A group and no supplementary ones go with the user, or it would keep root's.
        identity = {} if self._user is None else {"group": self._user, "extra_groups": []}
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._folder,
                pass_fds=self._pass_fds,
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509 - only the main thread starts children
                user=self._user,
                **identity,
            )

    def _listen_for_ready(self) -> dict[str, str] | None:
        """The environment of the next start, with a socket of its own to say that it is ready."""
        self._has_said_ready = False
        self._stop_listening()
        if not self._says_ready:
            return self._environment
        # An abstract name: nothing lies about in a folder, and no folder is too long for it.
        name = f"stakehold-{os.getpid()}-{secrets.token_hex(8)}"
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.setblocking(False)
        self._ear.bind(f"\0{name}")
        surroundings = os.environ if self._environment is None else self._environment
        return {**surroundings, "NOTIFY_SOCKET": f"@{name}"}

    def _stop_listening(self) -> None:
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    @property
    def has_said_ready(self) -> bool:
        """Whether this start has told that it does its work."""
        while self._ear is not None and not self._has_said_ready:
            try:
                self._has_said_ready = b"READY=1" in self._ear.recv(256)
            except BlockingIOError:
                break
        return self._has_said_ready

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def ask_to_stop(self) -> None:
        """Sends the stop signal and returns at once."""
        if self._process is not None and self.is_running:
            self._process.send_signal(self._stop_signal)

    def stop(self) -> None:
        """Asks to stop, waits, and kills the whole session of what has not ended by then."""
        self._stop_listening()
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            kill_group(self._process.pid)
            self._process.wait()

    def tail(self, lines: int = 30) -> str:
        """The last lines that the running (or last) start has logged."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def failure(self, what: str) -> ServiceFailed:
        return ServiceFailed(f"{self.name} {what}; the end of {self.log}:\n{self.tail()}")


def kill_group(group: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended in the meantime
        os.killpg(group, signal.SIGKILL)


def never() -> bool:
    """The default answer to "has somebody asked to stop?"."""
    return False


def wait_until(
    is_ready: Callable[[], bool],
    child: Child,
    *,
    seconds: float,
    interrupted: Callable[[], bool] = never,
) -> None:
    """Waits for `is_ready`. Raises `ServiceFailed` when the child dies or the time is up."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if interrupted():
            raise Interrupted
        if not child.is_running:
            raise child.failure(f"ended with exit code {child.exit_code}")
        if time.monotonic() > deadline:
            raise child.failure(f"was not ready after {seconds:.0f} seconds")
        time.sleep(0.03)


def run_to_end(child: Child, *, seconds: float, interrupted: Callable[[], bool] = never) -> None:
    """Runs a child that is meant to end by itself; raises `ServiceFailed` unless it ends well."""
    child.start()
    deadline = time.monotonic() + seconds
    while child.is_running:
        if interrupted():
            child.stop()
            raise Interrupted
        if time.monotonic() > deadline:
            child.stop()
            raise child.failure(f"took longer than {seconds:.0f} seconds")
        time.sleep(0.02)
    if child.exit_code != 0:
        raise child.failure(f"ended with exit code {child.exit_code}")
