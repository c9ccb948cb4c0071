"""What a benchmark runs on: durable PostgreSQL and Redis of its own, databases, tenants, peers.

Durable: every commit is on disk before it is answered, for the portal and for whoever is beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app.embedded.postgres_binaries import installed_binaries
from app.embedded.services import Services
from app.kernel.migrate import bootstrap, migrate
from app.settings import settings
from bench.peers import peers_python
from tests.support.database import DatabaseUrls, TestTenant, add_tenant
from tests.support.environment import free_port


@dataclass(frozen=True)
class Stage:
    """`environment` are the settings of a portal here; `python` is ours."""

    folder: Path
    environment: dict[str, str]

    @property
    def urls(self) -> DatabaseUrls:
        """The portal's database, migrated."""
        database = urlsplit(self.environment["DATABASE_URL"]).path
        return DatabaseUrls(
            app=self.environment["DATABASE_URL"],
            owner=self.environment["DATABASE_OWNER_URL"],
            admin=_renamed(self.environment["DATABASE_ADMIN_URL"], database),
        )

    @cached_property
    def peers_python(self) -> Path:
        """The interpreter of the peers' own environment, made where there is none."""
        return peers_python()

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    def program(self, name: str) -> Path:
        """One of PostgreSQL's own, from the embedded package."""
        return installed_binaries() / name

    def add_tenant(self) -> TestTenant:
        return asyncio.run(add_tenant(self.urls))

    def new_database(self, name: str) -> str:
        """An empty database on the same server, and the superuser's address of it."""
        url = self.environment["DATABASE_ADMIN_URL"]
        asyncio.run(_execute(url, f'CREATE DATABASE "{name}"'))
        return _renamed(url, f"/{name}")

    @staticmethod
    def as_role(url: str, role: str, password: str) -> str:
        """The same database for somebody else."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))

    def analyze(self) -> None:
        """In every database, what autovacuum does within minutes: look at what is in the tables.

        A plan made for an empty table is not what anything runs on for long.
        """
        asyncio.run(_analyze(self.environment["DATABASE_ADMIN_URL"]))

    def ask(self, url: str, sql: str) -> object:
        """One value, from any database here."""
        return asyncio.run(_value(url, sql))


def _renamed(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _analyze(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT datname FROM pg_database WHERE datallowconn")
    finally:
        await connection.close()
    for row in found:
        await _execute(_renamed(url, f"/{row['datname']}"), "ANALYZE")


async def _value(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@contextmanager
def prepared_stage(folder: Path) -> Iterator[Stage]:
    """Start the services, migrate, put the settings into this process, and stop it all afterwards."""
    services = Services(root=folder, durable=True, portal_ports=[free_port()])
    services.start()
    try:
        environment = services.environment()
        os.environ.update(environment)
        settings.cache_clear()
        asyncio.run(_migrated(environment))
        yield Stage(folder=folder, environment=environment)
    finally:
        services.stop()


async def _migrated(environment: dict[str, str]) -> None:
    await bootstrap(environment["DATABASE_ADMIN_URL"])
    await migrate(environment["DATABASE_OWNER_URL"])
