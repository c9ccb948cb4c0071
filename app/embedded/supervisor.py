"""`stakehold demo`: the whole portal on this machine, kept alive until somebody stops it.

Children are started and watched from one thread by a plain loop; signals only set a flag that the
loop reads. Two web processes take connections from one listening socket that belongs to the
supervisor, so that a web process may die without a visitor being refused.

SIGUSR1 (`stakehold restart`) replaces the portal's own processes one after the other, each by a new
one that works already when the old one is asked to end.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from app.embedded.demo_accounts import DEMO_PASSWORD, DEMO_TENANTS
from app.embedded.demo_folder import DEMO_FOLDER, cut_logs, take_lock, write_environment
from app.embedded.ports import HOST, answers_well
from app.embedded.process import Child, Interrupted, ServiceFailed, never, run_to_end
from app.embedded.services import Services
from app.embedded.terminal import say
from app.embedded.watched import Watched

WEB_PROCESSES = 2
RESTART_SIGNAL = signal.SIGUSR1

_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_EARLY_DEATHS_MAX = 3
_LOOK_SECONDS = 0.2


class CannotStart(Exception):
    """The demo refuses to start; the message says what to change."""


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
        self._restart_asked = False
        self._parent_interrupted = parent_interrupted
        self._services = Services(root=folder, portal_ports=[port], environment_name="demo")
        # The portal's own, in the order in which they are replaced: worker, relay, web.
        self._portal: list[Watched] = []
        self._watched: list[Watched] = []

    def run(self) -> int:
        """Runs until a signal asks to stop; gives the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(RESTART_SIGNAL, self._ask_to_restart)
        with take_lock(self.folder), listen(self.port) as listener:
            try:
                self._start(listener)
                self._say_where()
                while not self._is_stop_asked():
                    if self._restart_asked:
                        self.restart()
                    self._look()
            except Interrupted:
                pass
            except ServiceFailed as failure:
                say(str(failure))
                return 1
            finally:
                say("stopping …")
                self._stop()
        say("stopped; the data stays in .stakehold (`make reset` forgets it)")
        return 0

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True

    def _ask_to_restart(self, *_: object) -> None:
        self._restart_asked = True

    def _look(self) -> None:
        now = time.monotonic()
        for watched in self._watched:
            if watched.look(now):
                self._forget_gauges(watched.child)
        time.sleep(_LOOK_SECONDS)

    def _forget_gauges(self, child: Child) -> None:
        """What a dead process said of itself alone, such as its open live pages."""
        mark_process_dead(child.pid, str(self.folder / "metrics"))  # type: ignore[no-untyped-call]

    def restart(self) -> None:
        """Replace all, one after the other; an old one may still be ending when the next is."""
        self._restart_asked = False
        say("replacing the processes of the portal one by one …")
        ending: list[Child] = []
        for watched in self._portal:
            new = self._successor(watched)
            if new is None:
                break
            old = watched.give_way(new)
            old.ask_to_stop()
            ending.append(old)
        until = time.monotonic() + _STOP_SECONDS
        while any(old.is_running for old in ending) and time.monotonic() < until:
            self._look()
        for old in ending:
            old.stop()
            self._forget_gauges(old)
        if len(ending) == len(self._portal):
            say("replaced all")

    def _successor(self, watched: Watched) -> Child | None:
        """Another like it that is ready; none where it did not become so, and the old one stays."""
        assert watched.renew is not None
        new = watched.renew()
        new.start()
        until = time.monotonic() + _READY_SECONDS
        while not new.has_said_ready:
            if self._is_stop_asked() or not new.is_running or time.monotonic() > until:
                new.stop()
                say(f"the new {new.name} did not become ready; the old one goes on")
                return None
            self._look()
        return new

    def _is_stop_asked(self) -> bool:
        return self._stop_asked or self._parent_interrupted()

    def _start(self, listener: socket.socket) -> None:
        cut_logs(self._services.logs)
        say("starting PostgreSQL, Redis, identity provider, mail catcher, sandbox …")
        self._services.start(self._is_stop_asked)
        settings = self._services.environment()
        write_environment(settings, self.folder)
        _empty(Path(settings["PROMETHEUS_MULTIPROC_DIR"]))
        say("preparing the database (the first time with a year of data: half a minute) …")
        prepare = self._python("prepare", ["prepare"], settings)
        run_to_end(prepare, seconds=300, interrupted=self._is_stop_asked)

        # What runs the portal can neither change its schema nor its roles.
        portal = {
            name: value
            for name, value in settings.items()
            if name not in ("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL")
        }
        self._watched = [
            Watched(child, restart, started_at=time.monotonic())
            for child, restart in self._services.restarts().values()
        ]
        web = range(1, WEB_PROCESSES + 1)
        self.keep(
            [
                *(partial(self._python, name, [name], portal) for name in ("worker", "relay")),
                *(partial(self._web, number, listener.fileno(), portal) for number in web),
            ]
        )
        self._wait_until_ready()

    def keep(self, portal: Sequence[Callable[[], Child]]) -> None:
        """Start one of each, and keep it alive; `restart` makes another of each."""
        for make in portal:
            child = make()
            child.start()
            watched = Watched(child, child.start, renew=make, started_at=time.monotonic())
            self._portal.append(watched)
            self._watched.append(watched)

    def _web(self, number: int, descriptor: int, settings: dict[str, str]) -> Child:
        arguments = ["web", "--fd", str(descriptor)]
        return self._python(f"web-{number}", arguments, settings, pass_fds=(descriptor,))

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
                raise self._portal[-1].child.failure(
                    f"was not ready after {_READY_SECONDS:.0f} seconds"
                )
            time.sleep(0.1)

    def _stop(self) -> None:
        """Visitors first, then what works in the background, then what both stand on."""
        worker_and_relay, web = self._portal[:2], self._portal[2:]
        for group in (web, worker_and_relay[:1], worker_and_relay[1:]):
            for watched in group:
                watched.child.ask_to_stop()
            for watched in group:
                watched.child.stop()
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
            stop_seconds=_STOP_SECONDS,
            says_ready=name != "prepare",
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
        say("\n".join(lines))


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
