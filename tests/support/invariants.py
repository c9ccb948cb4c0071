"""Every invariant of a tenant, asserted: how a test that changes something ends."""

from __future__ import annotations

from uuid import UUID

from app.kernel.invariants import verify_tenant


async def assert_invariants_hold(tenant_id: UUID) -> None:
    broken = [result for result in await verify_tenant(tenant_id=tenant_id) if not result.ok]
    assert not broken, broken
