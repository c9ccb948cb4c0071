"""Leaving records: who, what, when, and without personal data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

import asyncpg
import pytest

from app.kernel import audit
from app.kernel.audit.queries import AUDIT_RECORDS, AuditFilter, record_count, records
from app.kernel.database import savepoint, unit_of_work
from app.kernel.ids import new_id
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected


async def test_keeps_actor_subject_change_and_both_times(tenant: TestTenant) -> None:
    person, subject = a_person(), new_id()
    async with unit_of_work(tenant=tenant.id, actor=person) as unit:
        await audit.record(
            action="redemption.approved",
            subject_kind="redemption",
            subject_id=subject,
            before={"state": "pending"},
            after={"state": "approved", "amount": Decimal("10.50")},
        )
    async with unit_of_work(tenant=tenant.id, actor=person):
        [found] = await records(chosen=AuditFilter(subject_kind="redemption", subject_id=subject))
    assert (found.actor_id, found.actor_name) == (person.id, person.name)
    assert (found.request_id, found.address) == (person.request_id, person.address)
    assert found.before == {"state": "pending"}
    assert found.after == {"state": "approved", "amount": "10.50"}
    assert found.business_at == unit.now


async def test_masks_personal_data_and_secrets_at_any_depth_but_not_names(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        await audit.record(
            action="x",
            subject_kind="client",
            subject_id=new_id(),
            after={
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "password": "hunter2",
                "destinations": [{"iban": "DE89370400440532013000", "label": "home"}],
                "phone": "12345",
                "address": None,
            },
        )
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        [found] = await records()
    assert found.after == {
        "name": "Ada Lovelace",
        "email": "a***@example.com",
        "password": "***",
        "destinations": [{"iban": "***3000", "label": "home"}],
        "phone": "***",
        "address": None,
    }


async def test_pages_from_the_newest_and_filters(tenant: TestTenant) -> None:
    first, second = a_person("First"), a_person("Second")
    for person in (first, second, first):
        async with unit_of_work(tenant=tenant.id, actor=person):
            await audit.record(action=person.name, subject_kind="x", subject_id=new_id())
    async with unit_of_work(tenant=tenant.id, actor=first):
        everything = await records()
        assert [record.action for record in everything] == ["First", "Second", "First"]
        page = await records(limit=2)
        assert page == everything[:2]
        assert await records(after=page.place) == everything[2:]
        rising = await records(order=AUDIT_RECORDS.order("recorded_at"))
        assert rising == everything[::-1]
        of_second = AuditFilter(actor_id=second.id)
        assert len(await records(chosen=of_second)) == 1
        assert await record_count(chosen=of_second, limit=10) == 1
        before = AuditFilter(recorded_before=everything[2].recorded_at)
        assert await records(chosen=before) == []


async def test_another_tenant_sees_none_of_it(
    new_tenant: Callable[..., Awaitable[TestTenant]],
) -> None:
    mine, theirs = await new_tenant(), await new_tenant()
    async with unit_of_work(tenant=theirs.id, actor=a_person()):
        await audit.record(action="x", subject_kind="x", subject_id=new_id())
    async with unit_of_work(tenant=mine.id, actor=a_person()):
        assert await records() == []


async def test_a_record_can_be_neither_changed_nor_removed(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()) as unit:
        await audit.record(action="x", subject_kind="x", subject_id=new_id())
        for sql in ("UPDATE audit_record SET action = 'y'", "DELETE FROM audit_record"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with savepoint():
                    await unit.connection.execute(sql)
    async with connected(database.admin) as admin:
        for table in ("audit_record", "audit_batch", "audit_epoch"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await admin.execute(f"TRUNCATE {table} CASCADE")
        with pytest.raises(asyncpg.RestrictViolationError):
            await admin.execute("UPDATE audit_record SET action = 'y'")
