"""PostgreSQL as a process of ours: made, started, stopped, and brought back after a hard death."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from app.embedded.ports import HOST
from app.embedded.postgres_binaries import binaries_for, stand_in_folder
from app.embedded.process import Child, Interrupted, ServiceFailed, never

_READY_SECONDS = 60.0


class Postgres:
    """One cluster in `data`, on loopback only, superuser `postgres` with a password."""

    def __init__(
        self, *, data: Path, port: int, password: str, log: Path, durable: bool = True
    ) -> None:
        """`durable=False` gives up safety against power cuts, for the speed of tests."""
        self.port = port
        self._password = password
        self._binaries = binaries_for(data)
        self._data = self._binaries.data
        self.child = Child(
            "postgres",
            [str(self._binaries.folder / "postgres"), "-D", str(self._data)]
            + [f"--{name}={value}" for name, value in _settings(port, durable=durable).items()],
            log=log,
            # SIGINT is the fast shutdown: open transactions roll back, data is written out.
            stop_signal=signal.SIGINT,
            stop_seconds=30,
            folder=Path("/"),
            before_exec=self._binaries.before_exec,
            user=self._binaries.user,
        )

    def url(self, user: str = "postgres", database: str = "postgres", password: str = "") -> str:
        secret = password or self._password
        return f"postgresql://{user}:{secret}@{HOST}:{self.port}/{database}"

    def start(self, interrupted: Callable[[], bool] = never) -> None:
        """Makes the cluster if there is none, starts it and returns when it takes connections."""
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        self.end_leftover()
        deadline = time.monotonic() + _READY_SECONDS
        self.child.start()
        while not self.is_ready():
            if interrupted():
                raise Interrupted
            if time.monotonic() > deadline:
                raise self.child.failure("was not ready in time")
            if not self.child.is_running:
                # After a hard death the old backends need a moment to see that they are orphans
                # and let go of the shared memory.
                if "pre-existing shared memory block" not in self.child.tail():
                    raise self.child.failure(f"ended with exit code {self.child.exit_code}")
                time.sleep(0.5)
                self.child.start()
            time.sleep(0.03)

    def restart(self) -> None:
        """Starts again after the server died; does not wait until it is ready."""
        self.end_leftover()
        self.child.start()

    def stop(self) -> None:
        self.child.stop()

    def is_ready(self) -> bool:
        """Asks the server itself: it listens before it serves.

        The start-up packet of a user that does not exist is answered with a request for a password
        when the server is up, with an error (code 57P03) while it is starting or recovering.
        """
        user = b"user\0postgres\0database\0postgres\0\0"
        packet = (8 + len(user)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + user
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(packet)
                return connection.recv(1) == b"R"
        except OSError:
            return False

    def end_leftover(self) -> None:
        """Ends a server that outlived a killed supervisor, and clears a pid file of a dead one.

        PostgreSQL itself refuses to start when the number in a stale file has meanwhile gone to
        another process of ours, which in a container happens often.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        for number, seconds in ((signal.SIGINT, 15.0), (signal.SIGKILL, 5.0)):
            if not self._serves_this_cluster(pid):
                break
            os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while self._serves_this_cluster(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        pid_file.unlink(missing_ok=True)

    def _serves_this_cluster(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z" and os.fsencode(self._data) in words

    def _make_cluster(self) -> None:
        # Made aside and renamed: an initdb that was killed leaves nothing that looks like a cluster.
        draft = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        password_file = self._data.with_name(f"{self._data.name}.password")
        try:
            descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(self._password)
            self._binaries.give(draft)
            self._binaries.give(password_file)
            self._binaries.run(
                "initdb",
                f"--pgdata={draft}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # Sorting that does not change with the machine's C library.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            )
        except subprocess.CalledProcessError as error:
            raise ServiceFailed(f"initdb failed:\n{error.stdout}") from error
        finally:
            password_file.unlink(missing_ok=True)
        draft.rename(self._data)


def forget_cluster(data: Path) -> None:
    """Deletes a stopped cluster, wherever it lives."""
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(stand_in_folder(data), ignore_errors=True)


def _settings(port: int, *, durable: bool) -> dict[str, str]:
    settings = {
        "port": str(port),
        "listen_addresses": HOST,
        # Socket paths may hold 107 characters only, and a clone may lie deeper than that.
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
        # A statement whose client was killed ends, and frees its row locks, within half a second.
        "client_connection_check_interval": "500ms",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] %u@%d ",
        # A refused row is not repeated in the log: it holds whatever somebody typed.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        # Several test processes share the server, and tests provoke deadlocks on purpose.
        settings |= {"max_connections": "300", "deadlock_timeout": "100ms"}
    return settings
