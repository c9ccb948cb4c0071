"""The portal in processes that a drill may hurt, and bring back.

Web, worker and relay reach the custodian through a fault proxy, and within `through_proxies` the
database and Redis as well; the drill itself goes straight to them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from app.embedded.ports import HOST
from app.embedded.process import Child, kill_group
from app.embedded.services import Services
from app.embedded.supervisor import listen
from app.kernel.database import start_pool, stop_pool
from app.kernel.deadlines.schedules import ensure_schedules
from app.kernel.migrate import bootstrap, migrate
from app.registry import load
from app.settings import settings
from drills.disk import on_own_disk
from drills.people import People
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls, add_tenant, put_off, suspend_tenants
from tests.support.desk import Desk, open_desk
from tests.support.environment import free_port
from tests.support.faketime import clock_off_by
from tests.support.fault_proxy import FaultProxy
from workers.schedules import SCHEDULES

WEB_PROCESSES = 2
WORKERS = 2
START_SECONDS_MAX = 60.0
CONFIRM_SECONDS = "0.3"


class Stage:
    """`urls` lead straight to PostgreSQL. `disk` is its own small file system, where it has one."""

    def __init__(
        self,
        services: Services,
        *,
        port: int,
        urls: DatabaseUrls,
        proxies: dict[str, FaultProxy],
        descriptor: int,
        disk: Path | None,
    ) -> None:
        self.disk = disk
        self.services = services
        self.port = port
        self.urls = urls
        self.database, self.redis, self.custody = (
            proxies[name] for name in ("database", "redis", "custody")
        )
        self.sandbox = Control(services.environment()["CUSTODY_URL"])
        self._descriptor = descriptor
        self._proxies = proxies
        self._clocks: dict[str, dict[str, str]] = {}
        self._make_ours(through={"custody"})

    def _make_ours(self, *, through: set[str]) -> None:
        environment = os.environ | self.services.environment()
        for name in through:
            setting = _WAYS[name]
            environment[setting] = _on_port(environment[setting], self._proxies[name].port)
        self._environment = {
            name: value
            for name, value in environment.items()
            if name not in ("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL")
        }
        self.web = [self._web(f"web-{number}") for number in range(1, WEB_PROCESSES + 1)]
        self.workers = [self._part("worker", number) for number in range(1, WORKERS + 1)]
        self.relay = self._part("relay", 1)

    @asynccontextmanager
    async def through_proxies(self) -> AsyncIterator[None]:
        """Our processes anew, with all three proxies on their ways; afterwards as they were."""
        await self._anew(through=set(_WAYS))
        try:
            yield
        finally:
            for proxy in self._proxies.values():
                proxy.heal()
            await self._anew(through={"custody"})

    @asynccontextmanager
    async def with_clocks_off(
        self, seconds: Mapping[str, float], library: Path
    ) -> AsyncIterator[None]:
        """Our processes anew, those of these names with their clocks off; afterwards as they were."""
        self._clocks = {name: clock_off_by(off, library) for name, off in seconds.items()}
        await self._anew(through={"custody"})
        try:
            yield
        finally:
            self._clocks = {}
            await self._anew(through={"custody"})

    async def _anew(self, *, through: set[str]) -> None:
        for child in self.ours:
            child.ask_to_stop()
        for child in self.ours:
            await gone(child)
        self._make_ours(through=through)
        await self.start()

    @property
    def ours(self) -> list[Child]:
        return [*self.web, *self.workers, self.relay]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """A tenant of a round's own, its vaults at the custodian filled; suspended afterwards."""
        tenant = await add_tenant(self.urls)
        # Workers look for new tenants now and then; a round does not wait for that.
        await ensure_schedules(SCHEDULES)
        desk = await open_desk(tenant_id=tenant.id, slug=tenant.slug)
        for key, asset in (("yield", "USDT"), ("growth", "USDC")):
            await asyncio.to_thread(
                self.sandbox.fund,
                vault=desk.references[key],
                balance="300000.00",
                asset=asset,
                network_fee="1.80",
            )
        yield desk
        await suspend_tenants(self.urls, [tenant.id])
        await put_off(self.urls, [tenant.id])

    @asynccontextmanager
    async def people(self, desk: Desk) -> AsyncIterator[People]:
        async with People.of(desk, self.url) as people:
            yield people

    def web_processor_seconds(self) -> float:
        """What the web processes have used so far: beside a busy machine's clock, the work itself."""
        ticks = 0
        for child in self.web:
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    async def recover(self) -> None:
        """Everything up again and every way open, whatever a round has left."""
        for proxy in (self.database, self.redis, self.custody):
            proxy.heal()
        if not self.services.redis.child.is_running:
            await self.start_redis()
        if not self.services.postgres.child.is_running:
            await self.start_postgres()
        for child in self.ours:
            if not child.is_running:
                child.start()
        await until(self.is_ready, seconds=START_SECONDS_MAX, what="the portal to be ready")

    async def start_redis(self) -> None:
        self.services.redis.start()
        await until(
            lambda: asyncio.to_thread(self.services.redis.is_ready), seconds=10, what="Redis"
        )

    async def start_postgres(self) -> None:
        """Returns when it takes connections."""
        postgres = self.services.postgres
        postgres.restart()

        async def is_ready() -> bool:
            if not postgres.child.is_running:
                # The backends of one that was killed may still hold its shared memory.
                postgres.child.start()
            return await asyncio.to_thread(postgres.is_ready)

        await until(is_ready, seconds=60, what="PostgreSQL")

    def crash_postgres(self) -> None:
        """Its immediate shutdown: no checkpoint, no goodbye; the next start recovers."""
        pid = self.services.postgres.child.pid
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)

    async def restart(self, child: Child) -> None:
        """Start a process of ours that has ended; returns when it says that it works."""
        child.start()

        async def has_said_ready() -> bool:
            return child.has_said_ready

        await until(has_said_ready, seconds=START_SECONDS_MAX, what=child.name)

    async def is_ready(self) -> bool:
        dead = [child for child in self.ours if not child.is_running]
        if dead:
            raise dead[0].failure("does not stay up")
        return await People.is_ready(self.url)

    def _web(self, name: str) -> Child:
        return Child(
            name,
            [sys.executable, "-m", "app", "web", "--fd", str(self._descriptor)],
            log=self.services.logs / f"{name}.log",
            environment=self._environment | {"PYTHONUNBUFFERED": "1"} | self._clocks.get(name, {}),
            pass_fds=(self._descriptor,),
            stop_seconds=15,
            says_ready=True,
        )

    def _part(self, part: str, number: int) -> Child:
        """The real worker or relay, which knows the jobs and marks that drills count as well."""
        return Child(
            f"{part}-{number}",
            [sys.executable, "-m", "tests.support.worker_process", part],
            log=self.services.logs / f"{part}-{number}.log",
            environment=self._environment
            | {"PYTHONUNBUFFERED": "1", "DRILL_CALLS": str(self.services.root / "calls")}
            | self._clocks.get(f"{part}-{number}", {}),
            stop_seconds=15,
            says_ready=True,
        )

    async def start(self) -> None:
        for child in self.ours:
            child.start()
        await until(self.is_ready, seconds=START_SECONDS_MAX, what="the portal to be ready")

    def stop(self) -> None:
        for child in self.ours:
            child.ask_to_stop()
        for child in self.ours:
            child.stop()
        self.sandbox.close()


@asynccontextmanager
async def open_stage(folder: Path, *, own_disk: bool = False) -> AsyncIterator[Stage]:
    """The portal of a run of drills, in `folder`; the process's own settings lead to it.

    With `own_disk` PostgreSQL gets a file system of its own, if we may mount one.
    """
    port = free_port()
    os.environ["SANDBOX_CONFIRM_SECONDS"] = CONFIRM_SECONDS
    services = Services(root=folder, portal_ports=[port], users=[])
    services.start()
    try:
        environment = services.environment()
        os.environ.update(environment)
        settings.cache_clear()
        load()
        await bootstrap(environment["DATABASE_ADMIN_URL"])
        await migrate(environment["DATABASE_OWNER_URL"])
        urls = DatabaseUrls(
            app=environment["DATABASE_URL"],
            owner=environment["DATABASE_OWNER_URL"],
            admin=_of_portal(environment["DATABASE_ADMIN_URL"], environment["DATABASE_URL"]),
        )
        async with AsyncExitStack() as stack:
            disk = None
            if own_disk:
                services.postgres.stop()
                disk = stack.enter_context(on_own_disk(services.postgres, folder / "postgres"))
                services.postgres.start()
            proxies = {
                name: await stack.enter_async_context(FaultProxy(port_of(environment[setting])))
                for name, setting in _WAYS.items()
            }
            listener = stack.enter_context(listen(port))
            await start_pool(urls.app, size=5)
            stack.push_async_callback(stop_pool)
            stage = Stage(
                services,
                port=port,
                urls=urls,
                proxies=proxies,
                descriptor=listener.fileno(),
                disk=disk,
            )
            stack.callback(stage.stop)
            await stage.start()
            yield stage
    finally:
        services.stop()


_WAYS = {"database": "DATABASE_URL", "redis": "REDIS_URL", "custody": "CUSTODY_URL"}


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _on_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}{HOST}:{port}"))


def _of_portal(admin_url: str, app_url: str) -> str:
    """The superuser's way into the portal's database."""
    return urlunsplit(urlsplit(admin_url)._replace(path=urlsplit(app_url).path))


async def until(look: Callable[[], Awaitable[bool]], *, seconds: float, what: str) -> float:
    """Wait until it is so, and return the seconds that it took; fails where it takes too long."""
    began = time.monotonic()
    while not await look():
        took = time.monotonic() - began
        assert took < seconds, f"waited {took:.1f} s for {what}"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def kill(child: Child) -> None:
    """SIGKILL: nothing of it gets to tidy up."""
    assert child.pid is not None
    kill_group(child.pid)


async def gone(child: Child) -> None:
    async def has_ended() -> bool:
        return not child.is_running

    await until(has_ended, seconds=20, what=f"{child.name} to end")


__all__ = ["Stage", "gone", "kill", "open_stage", "port_of", "until"]
