"""`stakehold verify`: every invariant of every tenant, and the audit trail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from itertools import product
from uuid import UUID

import asyncpg
import pytest

from app.invariants import INVARIANT_MODULES
from app.kernel import audit, invariants
from app.kernel.actors import SYSTEM
from app.kernel.audit import verification
from app.kernel.audit.sealer import seal_tenant
from app.kernel.database import start_pool, stop_pool, unit_of_work
from app.kernel.ids import new_id
from app.kernel.invariants import Invariant, all_invariants, verify_all, verify_tenant
from app.kernel.verify import main
from tests.support.database import DatabaseUrls, TestTenant, connected, end_tenants
from tests.support.horizon import everything_settled


def test_every_listed_module_has_invariants_with_names_of_their_own() -> None:
    assert all(import_module(module).INVARIANTS for module in INVARIANT_MODULES)
    names = [invariant.name for invariant in all_invariants()]
    assert len(set(names)) == len(names)


async def test_asks_every_invariant_of_every_tenant(
    new_tenant: Callable[..., Awaitable[TestTenant]],
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenants = {(await new_tenant()).id, (suspended := await new_tenant()).id}
    await end_tenants(superuser, [suspended.id])
    everybody = await invariants.tenant_ids()

    async def these_two() -> list[UUID]:
        return [tenant_id for tenant_id in everybody if tenant_id in tenants]

    # Those of all other tests would take longer with each test.
    monkeypatch.setattr(invariants, "tenant_ids", these_two)
    asked = {(result.tenant, result.name) for result in await verify_all()}
    assert asked == set(product(tenants, (invariant.name for invariant in all_invariants())))


async def test_names_the_rows_that_break_one_and_sees_one_tenant_alone(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await audit.record(action="x", subject_kind="x", subject_id=new_id())
    broken = Invariant(
        name="no_records", explains="", sql="SELECT tenant_id, action FROM audit_record"
    )
    [result] = await verify_tenant(tenant_id=tenant.id, invariants=[broken])
    assert not result.ok
    assert result.violations == [{"tenant_id": tenant.id, "action": "x"}]


async def test_the_command_exits_with_1_and_names_the_record(
    tenant: TestTenant,
    database: DatabaseUrls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def this_tenant_alone() -> list[UUID]:
        return [tenant.id]

    # Other tests leave tenants behind whose trail they have tampered with.
    monkeypatch.setattr(verification, "tenant_ids", this_tenant_alone)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await audit.record(action="x", subject_kind="x", subject_id=new_id())
    await everything_settled()
    await seal_tenant(tenant_id=tenant.id)
    # The command opens and closes a pool of its own, as it does in its own process.
    await stop_pool()
    assert await main("audit") == 0
    assert "everything holds" in capsys.readouterr().out
    async with connected(database.admin) as admin:
        await admin.execute("SET session_replication_role = replica")
        await admin.execute("UPDATE audit_record SET action = 'y' WHERE tenant_id = $1", tenant.id)
    assert await main("audit") == 1
    assert "(y) was edited, batch 1" in capsys.readouterr().out
    assert await main("everything") == 2
    await start_pool(database.app)


async def test_the_command_shows_the_rows_that_break_an_invariant(
    tenant: TestTenant,
    database: DatabaseUrls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await audit.record(action="x", subject_kind="x", subject_id=new_id())

    async def this_tenant_alone() -> list[UUID]:
        return [tenant.id]

    broken = Invariant(name="no_records", explains="", sql="SELECT action FROM audit_record")
    monkeypatch.setattr(invariants, "tenant_ids", this_tenant_alone)
    monkeypatch.setattr(invariants, "all_invariants", lambda: [broken])
    await stop_pool()
    assert await main("invariants") == 1
    await start_pool(database.app)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"BROKEN  {tenant.id}  no_records",
        "        {'action': 'x'}",
        "NOT EVERYTHING HOLDS",
    ]
