"""One PostgreSQL for the whole run, one migrated template, one clone of it for each xdist worker.

Tests really commit; what keeps them apart is that each works in tenants of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from app.kernel.actors import Actor
from app.kernel.ids import new_id
from app.kernel.migrate import bootstrap, migrate


@dataclass(frozen=True)
class DatabaseUrls:
    """`app` is what the portal uses; `owner` migrates; `admin` is a superuser: for tampering."""

    app: str
    owner: str
    admin: str


@dataclass(frozen=True)
class TestTenant:
    __test__ = False

    id: UUID
    slug: str


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def make_template() -> None:
    """Roles, and the template database with every migration run; names in the environment."""
    admin_url = os.environ["DATABASE_ADMIN_URL"]
    asyncio.run(_make_template(admin_url))


async def _make_template(admin_url: str) -> None:
    await bootstrap(admin_url)
    await migrate(os.environ["DATABASE_OWNER_URL"])


def clone_template(worker: str) -> DatabaseUrls:
    """This worker's own database; the process's DATABASE_URL then names it."""
    template = urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/")
    name = f"{template}_{worker}"
    asyncio.run(_clone(os.environ["DATABASE_ADMIN_URL"], template, name))
    urls = DatabaseUrls(
        app=_named(os.environ["DATABASE_URL"], name),
        owner=_named(os.environ["DATABASE_OWNER_URL"], name),
        admin=_named(os.environ["DATABASE_ADMIN_URL"], name),
    )
    os.environ["DATABASE_URL"] = urls.app
    os.environ["DATABASE_OWNER_URL"] = urls.owner
    return urls


async def _clone(admin_url: str, template: str, name: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        # Two workers copying at once would each be "another user" of the template to the other.
        await connection.execute("SELECT pg_advisory_lock(7227400114)")
        await connection.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER stakehold_owner'
        )
    finally:
        await connection.close()


async def add_tenant(
    urls: DatabaseUrls, *, slug: str | None = None, kind: str = "investment_manager"
) -> TestTenant:
    """A fresh tenant; only the owner may make one."""
    async with connected(urls.owner) as owner:
        return await insert_tenant(owner, slug=slug, kind=kind)


async def insert_tenant(
    owner: asyncpg.Connection, *, slug: str | None = None, kind: str = "investment_manager"
) -> TestTenant:
    """The same on a connection of the owner's, or of a superuser's."""
    tenant_id = new_id()
    tenant = TestTenant(tenant_id, slug or f"t-{tenant_id.hex}")
    await owner.execute(
        "INSERT INTO tenant (id, slug, name, kind, status, time_zone, locale, created_at) "
        "VALUES ($1, $2, $3, $4, 'active', 'UTC', 'en', clock_timestamp())",
        tenant.id,
        tenant.slug,
        f"Tenant {tenant.slug}",
        kind,
    )
    return tenant


async def suspend_tenants(urls: DatabaseUrls, tenant_ids: Sequence[UUID]) -> None:
    """From now on nobody signs in there, and no schedule is made for them."""
    async with connected(urls.owner) as owner:
        await owner.execute(
            "UPDATE tenant SET status = 'suspended' WHERE id = ANY($1)", list(tenant_ids)
        )


async def put_off(urls: DatabaseUrls, tenant_ids: Sequence[UUID]) -> None:
    """Their schedules and clocks come round no more: what there is to do for others stays the same."""
    async with connected(urls.admin) as admin:
        await admin.execute(
            "WITH unscheduled AS ("
            "  UPDATE schedule SET next_at = 'infinity' WHERE tenant_id = ANY($1)"
            ") UPDATE deadline SET retry_at = 'infinity'"
            " WHERE tenant_id = ANY($1) AND state = 'running'",
            list(tenant_ids),
        )


async def end_tenants(admin: asyncpg.Connection, tenant_ids: Sequence[UUID]) -> None:
    """Suspended, and nothing of theirs is due any more: no worker of another test will do it."""
    ids = list(tenant_ids)
    await admin.execute(
        "WITH ended AS ("
        "  UPDATE job SET state = 'done', lease_until = NULL, finished_at = now()"
        "  WHERE tenant_id = ANY($1) AND state IN ('pending', 'running')"
        "), unscheduled AS ("
        "  UPDATE schedule SET next_at = 'infinity' WHERE tenant_id = ANY($1)"
        "), stopped AS ("
        "  UPDATE deadline SET retry_at = 'infinity'"
        "  WHERE tenant_id = ANY($1) AND state = 'running'"
        ") UPDATE tenant SET status = 'suspended' WHERE id = ANY($1)",
        ids,
    )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A bare connection beside the portal's pool: for looking at, or tampering with, what is there."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def a_person(name: str = "Ada Lovelace", role: str = "operations") -> Actor:
    """An actor with a membership id of their own, for kernel tests that need no identity."""
    return Actor(id=new_id(), name=name, role=role, request_id=new_id().hex, address="192.0.2.7")
