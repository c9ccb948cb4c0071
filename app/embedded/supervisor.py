"""`stakehold demo`: the whole portal on this machine, kept alive until somebody stops it.

Children are started and watched from one thread by a plain loop; signals only set a flag that the
loop reads. Two web processes take connections from one listening socket that belongs to the
supervisor, so that a web process may die without a visitor being refused.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.embedded.demo_accounts import DEMO_PASSWORD, DEMO_TENANTS
from app.embedded.demo_folder import DEMO_FOLDER, cut_logs, take_lock, write_environment
from app.embedded.ports import HOST, answers_well
from app.embedded.process import Child, Interrupted, ServiceFailed, never, run_to_end
from app.embedded.services import Services

WEB_PROCESSES = 2

_READY_SECONDS = 90.0
_BACKOFF_SECONDS_MAX = 30.0
_STEADY_SECONDS = 30.0
_EARLY_DEATHS_MAX = 3


class CannotStart(Exception):
    """The demo refuses to start; the message says what to change."""


@dataclass
class _Watched:
    """A child that is started again when it dies, each time a little later."""

    child: Child
    restart: Callable[[], None]
    deaths: int = 0
    started_at: float = 0.0
    due_at: float | None = None

    def look(self, now: float) -> None:
        if self.child.is_running:
            if now - self.started_at > _STEADY_SECONDS:
                self.deaths = 0
            return
        if self.due_at is None:
            self.deaths += 1
            wait = min(0.25 * 2**self.deaths, _BACKOFF_SECONDS_MAX)
            self.due_at = now + wait
            _say(f"{self.child.name} ended ({self.child.exit_code}); again in {wait:.1f} s")
        elif now >= self.due_at:
            self.due_at, self.started_at = None, now
            self.restart()


class Supervisor:
    def __init__(
        self,
        *,
        port: int,
        host: str = HOST,
        folder: Path = DEMO_FOLDER,
        parent_interrupted: Callable[[], bool] = never,
    ) -> None:
        if host not in (HOST, "localhost"):
            raise CannotStart(
                f"STAKEHOLD_HOST={host}: the demo has known passwords and listens on {HOST} only"
            )
        self.port = port
        self.folder = folder
        self._stop_asked = False
        self._parent_interrupted = parent_interrupted
        self._services = Services(root=folder, portal_ports=[port], environment_name="demo")
        self._web: list[Child] = []
        self._background: list[Child] = []
        self._watched: list[_Watched] = []

    def run(self) -> int:
        """Runs until a signal asks to stop; gives the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        with take_lock(self.folder), listen(self.port) as listener:
            try:
                self._start(listener)
                self._say_where()
                while not self._is_stop_asked():
                    now = time.monotonic()
                    for watched in self._watched:
                        watched.look(now)
                    time.sleep(0.2)
            except Interrupted:
                pass
            except ServiceFailed as failure:
                _say(str(failure))
                return 1
            finally:
                _say("stopping …")
                self._stop()
        _say("stopped; the data stays in .stakehold (`make reset` forgets it)")
        return 0

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True

    def _is_stop_asked(self) -> bool:
        return self._stop_asked or self._parent_interrupted()

    def _start(self, listener: socket.socket) -> None:
        cut_logs(self._services.logs)
        _say("starting PostgreSQL, Redis, identity provider, mail catcher, sandbox …")
        self._services.start(self._is_stop_asked)
        settings = self._services.environment()
        write_environment(settings, self.folder)
        _empty(Path(settings["PROMETHEUS_MULTIPROC_DIR"]))
        _say("preparing the database (the first time with a year of data: half a minute) …")
        prepare = self._python("prepare", ["prepare"], settings)
        run_to_end(prepare, seconds=300, interrupted=self._is_stop_asked)

        # What runs the portal can neither change its schema nor its roles.
        portal = {
            name: value
            for name, value in settings.items()
            if name not in ("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL")
        }
        descriptor = listener.fileno()
        self._web = [
            self._python(
                f"web-{number}", ["web", "--fd", str(descriptor)], portal, pass_fds=(descriptor,)
            )
            for number in range(1, WEB_PROCESSES + 1)
        ]
        self._background = [self._python(name, [name], portal) for name in ("worker", "relay")]
        for child in self._web + self._background:
            child.start()
        self._watched = [
            _Watched(child, restart, started_at=time.monotonic())
            for child, restart in [
                *self._services.restarts().values(),
                *((child, child.start) for child in self._web + self._background),
            ]
        ]
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not answers_well(f"http://localhost:{self.port}/health/ready"):
            if self._is_stop_asked():
                raise Interrupted
            now = time.monotonic()
            for watched in self._watched:
                watched.look(now)
                if watched.deaths > _EARLY_DEATHS_MAX:
                    raise watched.child.failure("does not stay up")
            if now > deadline:
                raise self._web[0].failure(f"was not ready after {_READY_SECONDS:.0f} seconds")
            time.sleep(0.1)

    def _stop(self) -> None:
        """Visitors first, then what works in the background, then what both stand on."""
        for group in (self._web, self._background[:1], self._background[1:]):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.stop()
        self._services.stop()

    def _python(
        self,
        name: str,
        arguments: list[str],
        settings: dict[str, str],
        pass_fds: tuple[int, ...] = (),
    ) -> Child:
        return Child(
            name,
            [sys.executable, "-m", "app", *arguments],
            log=self._services.logs / f"{name}.log",
            environment={**_surroundings(), "PYTHONUNBUFFERED": "1", **settings},
            pass_fds=pass_fds,
            stop_seconds=15,
        )

    def _say_where(self) -> None:
        lines = ["", f"Stakehold is running: http://localhost:{self.port}", ""]
        for slug, (name, accounts) in DEMO_TENANTS.items():
            lines.append(f"  {name} ({slug}): {', '.join(accounts)} — each @{slug}.example")
        lines += [
            f"  password: {DEMO_PASSWORD}",
            "",
            f"  mail lands in {self._services.mail_folder}",
            f"  logs are in   {self._services.logs}",
            "",
            "Ctrl-C stops it; the data is kept.",
        ]
        _say("\n".join(lines))


def listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"port {port} is taken ({error.strerror}): PORT=… moves the portal"
        ) from error
    listener.listen(2048)
    return listener


def _surroundings() -> dict[str, str]:
    """The environment without database URLs of somebody else's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may have gone, which is no reason to stop in disorder
        print(text, flush=True)
