"""A Redis of the test's own, which it may stop, and workers and relays as real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.embedded.ports import free_port
from app.embedded.redis import installed_server
from app.settings import settings
from tests.support.forking import forked
from tests.support.waiting import eventually
from tests.support.work import fresh_work

__all__ = ["fresh_work"]


class RedisServer:
    """An empty Redis on a port that stays the same when it is stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(installed_server()), "--port", str(self.port), "--bind", "127.0.0.1",
                "--save", "", "--dir", str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        await eventually(self._answers, True, within_seconds=5)

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url)
        try:
            return bool(await client.ping())
        except (OSError, RedisError):
            return False
        finally:
            await client.aclose()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Process:
    """A worker or a relay, forked from a process that has imported it."""

    def __init__(self, part: str, environment: dict[str, str], log: Path) -> None:
        self.part = part
        self.environment = environment
        self.log = log
        self.child: ForkServerProcess | None = None

    async def start(self) -> Process:
        before = self.log.read_text().count('"event": "started"') if self.log.exists() else 0
        self.child = forked(
            "tests.support.worker_process", self.part, environment=self.environment, log=self.log
        )
        await eventually(self._has_started(before), True, within_seconds=15)
        return self

    def _has_started(self, before: int) -> Callable[[], Any]:
        async def look() -> bool:
            return self.log.exists() and self.log.read_text().count('"event": "started"') > before

        return look

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.is_alive()

    def kill(self) -> None:
        """SIGKILL: nothing of it gets to tidy up."""
        if self.child is not None:
            self.child.kill()
            self.child.join()
            self.child = None

    async def stop(self) -> int | None:
        """SIGTERM, and the exit code: None where it does not end within ten seconds."""
        assert self.child is not None
        self.child.terminate()
        await asyncio.to_thread(self.child.join, 10)
        return self.child.exitcode


@pytest.fixture
async def redis_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    monkeypatch.setenv("REDIS_URL", server.url)
    settings.cache_clear()
    await server.start()
    yield server
    server.stop()
    settings.cache_clear()


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Any]:
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A line for every call that `drill.outside` jobs made of the outside."""
    path = tmp_path / "calls"
    path.touch()
    return path


@pytest.fixture
def new_process(
    database: Any, redis_server: RedisServer, tmp_path: Path, calls: Path
) -> Iterator[Callable[[str], Process]]:
    """Makes a worker or a relay, not yet started; whatever still runs is killed at the end."""
    made: list[Process] = []

    def make(part: str) -> Process:
        environment = os.environ | {
            "REDIS_URL": redis_server.url,
            "DRILL_CALLS": str(calls),
        }
        process = Process(part, environment, tmp_path / f"{part}-{len(made)}.log")
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()
