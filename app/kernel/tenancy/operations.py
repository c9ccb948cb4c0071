"""Provision a tenant: the platform's operator does, as the owner of the database; never a tenant."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from app.kernel.ids import new_id


async def provision_tenant(
    owner: asyncpg.Connection, *, slug: str, name: str, kind: str, time_zone: str, locale: str
) -> UUID:
    """The tenant's id; the one that has the slug already, unchanged, where there is one."""
    await owner.execute(
        "INSERT INTO tenant (id, slug, name, kind, status, time_zone, locale, created_at)"
        " VALUES ($1, $2, $3, $4, 'active', $5, $6, clock_timestamp()) ON CONFLICT (slug) DO NOTHING",
        new_id(),
        slug,
        name,
        kind,
        time_zone,
        locale,
    )
    found: UUID = await owner.fetchval("SELECT id FROM tenant WHERE slug = $1", slug)
    return found
