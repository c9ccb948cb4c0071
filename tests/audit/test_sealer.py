"""Sealing: every record in exactly one batch, none while an older transaction is open."""

from __future__ import annotations

import asyncio

from app.kernel import audit
from app.kernel.actors import SYSTEM
from app.kernel.audit.sealer import seal_due, seal_tenant
from app.kernel.audit.verification import verify_audit
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.ids import new_id
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.horizon import everything_settled
from tests.support.invariants import assert_invariants_hold


async def leave(tenant: TestTenant, count: int = 1) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        for number in range(count):
            await audit.record(
                action=f"act {number}",
                subject_kind="thing",
                subject_id=new_id(),
                after={"number": number, "zeta": [1.50, 'é"\\'], "alpha": {"b": None, "a": True}},
            )


async def test_seals_what_is_ready_and_verifies(tenant: TestTenant) -> None:
    await leave(tenant, 3)
    await everything_settled()
    assert await seal_tenant(tenant_id=tenant.id) == 3
    assert await seal_tenant(tenant_id=tenant.id) == 0
    await leave(tenant)
    await everything_settled()
    assert await seal_tenant(tenant_id=tenant.id) == 1
    await leave(tenant)
    report = await verify_audit(tenant_id=tenant.id)
    assert (report.ok, report.records, report.batches, report.unsealed) == (True, 4, 2, 1)
    await assert_invariants_hold(tenant.id)


async def test_a_tenant_without_records_costs_no_batch(tenant: TestTenant) -> None:
    assert await seal_tenant(tenant_id=tenant.id) == 0
    report = await verify_audit(tenant_id=tenant.id)
    assert (report.ok, report.records, report.batches) == (True, 0, 0)


async def test_waits_for_transactions_that_could_still_come_before(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    async with connected(database.app) as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.fetchval("SELECT pg_current_xact_id()")
        await leave(tenant)
        assert await seal_tenant(tenant_id=tenant.id) == 0
        await transaction.rollback()
    await everything_settled()
    assert await seal_tenant(tenant_id=tenant.id) == 1


async def test_sealing_beside_writers_puts_each_record_into_exactly_one_batch(
    tenant: TestTenant,
) -> None:
    async def write() -> None:
        for _ in range(5):
            await leave(tenant, 3)

    async def seal() -> None:
        for _ in range(10):
            await seal_tenant(tenant_id=tenant.id)

    await asyncio.gather(*(write() for _ in range(8)), seal(), seal())
    await everything_settled()
    await seal_due()
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        sealed = [
            row["id"] for row in await fetch("SELECT unnest(record_ids) AS id FROM audit_batch")
        ]
        assert await fetch_value("SELECT count(*) FROM audit_record") == len(sealed) == 120
        assert len(set(sealed)) == 120
    assert (await verify_audit(tenant_id=tenant.id)).ok
    await assert_invariants_hold(tenant.id)


async def test_a_restore_into_another_cluster_begins_an_epoch_and_loses_nothing(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    await leave(tenant, 2)
    await everything_settled()
    await seal_tenant(tenant_id=tenant.id)
    await leave(tenant)  # not sealed when the old cluster was dumped
    async with connected(database.admin) as admin:
        # As if the rows had come from a cluster that had counted far further.
        await admin.execute("SET session_replication_role = replica")
        for table in ("audit_record", "audit_epoch"):
            await admin.execute(
                f"UPDATE {table} SET cluster_id = 7 WHERE tenant_id = $1", tenant.id
            )
        await admin.execute("DELETE FROM audit_batch WHERE tenant_id = $1", tenant.id)
    await leave(tenant)
    await everything_settled()
    assert await seal_tenant(tenant_id=tenant.id) == 4
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        epochs = await fetch(
            "SELECT epoch_number, cardinality(record_ids) AS records FROM audit_batch "
            "ORDER BY number"
        )
    assert [tuple(row) for row in epochs] == [(1, 3), (2, 1)]
    report = await verify_audit(tenant_id=tenant.id)
    assert (report.ok, report.records, report.unsealed) == (True, 4, 0)
    # What is put into the epoch that is over would never be sealed: it is named.
    forged = new_id()
    async with connected(database.admin) as admin:
        await admin.execute("SET session_replication_role = replica")
        await admin.execute(
            "INSERT INTO audit_record (tenant_id, id, cluster_id, xid, recorded_at, business_at,"
            " actor_name, actor_role, action, subject_kind, subject_id, request_id, address, trace)"
            " SELECT tenant_id, $2, cluster_id, '9000000000'::xid8, recorded_at, business_at,"
            " actor_name, actor_role, 'forged', subject_kind, subject_id, request_id, address, trace"
            " FROM audit_record WHERE tenant_id = $1 AND cluster_id = 7 LIMIT 1",
            tenant.id,
            forged,
        )
    report = await verify_audit(tenant_id=tenant.id)
    assert report.first_break == f"record {forged} was inserted into a closed epoch"
