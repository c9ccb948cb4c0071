"""What always holds: each invariant is a query that returns the rows that break it.

Every part of the portal keeps its own in an `invariants.py`; app/invariants.py lists those.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any
from uuid import UUID

import msgspec

from app.invariants import INVARIANT_MODULES
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, unit_of_work

VIOLATIONS_MAX = 20


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """`sql` takes no parameters and sees one tenant: row security is on."""

    name: str
    explains: str
    sql: str


class InvariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """`violations` are the first rows that break it, at most twenty."""

    name: str
    tenant: UUID
    ok: bool
    violations: list[dict[str, Any]]


def all_invariants() -> list[Invariant]:
    """Those of every listed module, in that order."""
    return [
        invariant for module in INVARIANT_MODULES for invariant in import_module(module).INVARIANTS
    ]


async def tenant_ids() -> list[UUID]:
    """Every tenant, whatever its status: what it holds must be right even while suspended."""
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        return [row["id"] for row in await fetch("SELECT id FROM tenant ORDER BY id")]


async def verify_tenant(
    *, tenant_id: UUID, invariants: Iterable[Invariant] | None = None
) -> list[InvariantResult]:
    """Ask every invariant of one tenant; opens its own unit of work."""
    results = []
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
        for invariant in all_invariants() if invariants is None else invariants:
            rows = await fetch(f"SELECT * FROM ({invariant.sql}) broken LIMIT {VIOLATIONS_MAX}")
            results.append(
                InvariantResult(
                    name=invariant.name,
                    tenant=tenant_id,
                    ok=not rows,
                    violations=[dict(row) for row in rows],
                )
            )
    return results


async def verify_all() -> list[InvariantResult]:
    """Ask every invariant of every tenant. Call it outside a unit of work."""
    return [
        result
        for tenant_id in await tenant_ids()
        for result in await verify_tenant(tenant_id=tenant_id)
    ]
