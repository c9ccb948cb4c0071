"""Fixtures for every test: real PostgreSQL and Redis, started once, by the process that controls
the run; each xdist worker has its own clone of the migrated database, each test its own tenant.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import uvloop
from argon2 import PasswordHasher

from app.asgi import create_app
from app.domains.identity.operations import password_check
from app.embedded.services import Services
from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import start_pool, stop_pool
from app.memory import spare_what_is_loaded
from app.settings import settings
from app.web.shell import Portal
from tests.support.client import Browser, portal_client, running_portal
from tests.support.database import (
    DatabaseUrls,
    TestTenant,
    clone_template,
    connected,
    end_tenants,
    insert_tenant,
    make_template,
)
from tests.support.drain import check_events
from tests.support.environment import free_port, redis_of, set_environment
from tests.support.log_search import leaks_in, secrets_of
from tests.support.logs import KeptLogs

# First what starts processes and measures seconds, so that nothing heavier than its like runs beside
# it, and its database is still empty; then the files that take longest.
_FIRST = ("test_make_drill", "test_killed_workers", "test_redis_away", "test_benchmarks")
_LONGEST = ("test_access_matrix", "test_explanations", "test_payout_killed", "test_every_amount")
# Where this run keeps its logs, for xdist's workers.
LOGS = "TEST_LOGS"
_services = pytest.StashKey[Services]()
_leaks = pytest.StashKey[list[str]]()
_root = pytest.StashKey[Path]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate((*_FIRST, *_LONGEST))}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the portal's own processes run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the services before xdist starts its workers, which inherit the environment."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    root = Path(tempfile.mkdtemp(prefix="stakehold-test-"))
    config.stash[_root] = root
    services = Services(root=root, durable=False, portal_ports=[free_port()])
    config.stash[_services] = services
    services.start()
    set_environment(services.environment() | {LOGS: str(services.logs)})
    make_template()


@pytest.fixture(autouse=True, scope="session")
def _logs_are_kept(worker_id: str) -> Iterator[None]:
    """For the search at the end of the run, beside those of the services."""
    kept = KeptLogs(Path(os.environ[LOGS]) / f"tests-{worker_id}.log")
    kept.start()
    yield
    kept.stop()


def pytest_collection_finish() -> None:
    spare_what_is_loaded()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A secret, or who somebody is, in anything that was logged by anybody fails the whole run."""
    config = session.config
    root = config.stash.get(_root, None)
    if root is None:
        return
    factory = getattr(config, "_tmp_path_factory", None)
    files = [
        *(root / "logs").glob("*.log"),
        *(factory.getbasetemp().rglob("*.log") if factory else []),
    ]
    found = leaks_in(files, secrets=secrets_of(os.environ))
    config.stash[_leaks] = found
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(_leaks, [])
    if found:
        terminalreporter.section("logs that say what they must not", red=True)
        terminalreporter.write("\n".join([*found[:50], f"{len(found)} in all", ""]))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    services = config.stash.get(_services, None)
    if services is not None:
        services.stop()
    root = config.stash.get(_root, None)
    if root is not None:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def database_urls(worker_id: str) -> DatabaseUrls:
    """This worker's clone of the migrated database; and one of Redis' databases is its own."""
    urls = clone_template(worker_id)
    os.environ["REDIS_URL"] = redis_of(worker_id, os.environ["REDIS_URL"])
    settings.cache_clear()
    return urls


@pytest.fixture(scope="session")
async def database(database_urls: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:
    """The portal's pool, open in the one loop that all tests of this process share: connections
    that know the catalogue already are most of what makes a test quick.
    """
    await start_pool(database_urls.app, size=settings().database_pool_size)
    try:
        yield database_urls
    finally:
        await stop_pool()


@pytest.fixture
async def no_pool(database: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:
    """No pool is open: for a command that opens and closes one, as it does in its own process."""
    await stop_pool()
    try:
        yield database
    finally:
        await start_pool(database.app, size=settings().database_pool_size)


@pytest.fixture(scope="session")
async def superuser(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """One connection for all tests of this process, for what only fixtures may do."""
    async with connected(database_urls.admin) as connection:
        yield connection


@pytest.fixture
async def new_tenant(
    database: DatabaseUrls, superuser: asyncpg.Connection
) -> AsyncIterator[Callable[..., Awaitable[TestTenant]]]:
    """Makes a fresh tenant at each call: `await new_tenant()`, or with `slug=` and `kind=`.

    Afterwards nothing of it is due any more, and nothing new will be: the next test's workers would
    do it as well.
    """
    made: list[TestTenant] = []

    async def make(*, slug: str | None = None, kind: str = "investment_manager") -> TestTenant:
        made.append(await insert_tenant(superuser, slug=slug, kind=kind))
        return made[-1]

    yield make
    for tenant in made:
        await check_events(tenant.id)
    await end_tenants(superuser, [tenant.id for tenant in made])


@pytest.fixture
async def tenant(new_tenant: Callable[..., Awaitable[TestTenant]]) -> TestTenant:
    """A tenant of this test's own."""
    return await new_tenant()


@pytest.fixture
def system_actor() -> Actor:
    return SYSTEM


@pytest.fixture(scope="session")
async def shared_portal(database: DatabaseUrls) -> AsyncIterator[Portal]:
    async with running_portal(create_app(opens_pool=False)) as running:
        yield running


@pytest.fixture
def portal(shared_portal: Portal) -> Portal:
    """The real application on this worker's database, running as long as the tests do."""
    return shared_portal


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[None]:
    """Argon2 still, with parameters that cost no time: test_an_old_hash_is_renewed has the real."""
    patch = pytest.MonkeyPatch()
    patch.setattr(
        password_check, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    )
    yield
    patch.undo()


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    """An HTTP client with nobody signed in; see tests/support/client.py."""
    async with portal_client(portal) as client:
        yield client


@pytest.fixture
def own_clock_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets our own clock off by so many seconds, as in a process that has asked the database since.

    For whatever of ours and of libraries asks Python; servers in other threads keep theirs.
    """
    right, ours = time.time, threading.get_ident()

    def set_off(seconds: float) -> None:
        monkeypatch.setattr(
            "time.time",
            lambda: right() + (seconds if threading.get_ident() == ours else 0),
        )
        monkeypatch.setattr("app.kernel.real_time._correction", -seconds)

    return set_off
