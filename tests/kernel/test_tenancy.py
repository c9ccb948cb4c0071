"""Row security: what one tenant writes, no other sees."""

from __future__ import annotations

import asyncpg
import pytest

from app.kernel import audit, outbox
from app.kernel.actors import SYSTEM
from app.kernel.database import current, fetch_value, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from tests.support.database import DatabaseUrls, TestTenant, connected

# What nearly every unit of work writes: they look for their tenant without locking it.
NAME_A_TENANT = ("audit_record", "outbox_event", "job")


async def test_a_unit_of_work_sets_the_tenant_and_business_time(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert current().tenant == tenant.id
        assert await fetch_value("SELECT app_now()") == current().now
        assert await fetch_value("SELECT current_user::text") == "stakehold_app"


class TestTenantsStay:
    async def test_nobody_removes_a_tenant(
        self, tenant: TestTenant, superuser: asyncpg.Connection
    ) -> None:
        for sql in (
            f"DELETE FROM tenant WHERE id = '{tenant.id}'",
            f"UPDATE tenant SET id = gen_random_uuid() WHERE id = '{tenant.id}'",
            "TRUNCATE tenant CASCADE",
        ):
            with pytest.raises(asyncpg.RestrictViolationError, match="never removed"):
                await superuser.execute(sql)

    async def test_nothing_is_written_for_a_tenant_that_is_not_there(
        self, database: DatabaseUrls
    ) -> None:
        async def record() -> None:
            await audit.record(action="x", subject_kind="x", subject_id=new_id())

        async def event() -> None:
            await outbox.emit(type="test.said", subject_kind="x", subject_id=new_id(), payload={})

        async def job() -> None:
            await enqueue(kind="test.inside", payload={})

        for table, write in zip(NAME_A_TENANT, (record, event, job), strict=True):
            with pytest.raises(asyncpg.ForeignKeyViolationError, match=f"{table} names a tenant"):
                async with unit_of_work(tenant=new_id(), actor=SYSTEM):
                    await write()

    async def test_what_names_a_tenant_keeps_it(
        self, tenant: TestTenant, superuser: asyncpg.Connection
    ) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await outbox.emit(type="test.said", subject_kind="x", subject_id=new_id(), payload={})
            await enqueue(kind="test.inside", payload={})
        for table in ("outbox_event", "job"):
            with pytest.raises(
                asyncpg.RestrictViolationError, match=r"keeps its tenant|never changes"
            ):
                await superuser.execute(
                    f"UPDATE {table} SET tenant_id = gen_random_uuid() WHERE tenant_id = $1",
                    tenant.id,
                )

    async def test_writing_locks_no_tenant(
        self, tenant: TestTenant, database: DatabaseUrls
    ) -> None:
        """A lock that two share is written down as a multixact, at every commit of theirs."""
        async with connected(database.admin) as admin:
            seen = "SELECT xmax::text FROM tenant WHERE id = $1"
            before = await admin.fetchval(seen, tenant.id)
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
                await audit.record(action="x", subject_kind="x", subject_id=new_id())
                await outbox.emit(
                    type="test.said", subject_kind="x", subject_id=new_id(), payload={}
                )
                await enqueue(kind="test.inside", payload={})
            assert await admin.fetchval(seen, tenant.id) == before
