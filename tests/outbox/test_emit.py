"""Events are written with what made them, and each consumer gets a job."""

from __future__ import annotations

import asyncpg
import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch, fetch_row, fetch_value, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from app.kernel.outbox import ConsumedEvent, emit
from tests.support import work
from tests.support.database import TestTenant, a_person, connected


async def happen(tenant: TestTenant, actor=SYSTEM):
    async with unit_of_work(tenant=tenant.id, actor=actor):
        return await emit(
            type="test.happened",
            subject_kind="thing",
            subject_id=new_id(),
            payload={"amount": "1.50"},
            topics=["thing:1", "client:2"],
        )


async def run_all(tenant: TestTenant) -> None:
    for ref in await due_jobs(limit=500):
        if ref.tenant_id == tenant.id:
            await run_job(ref)


async def test_every_consumer_hears_of_it_once(tenant: TestTenant) -> None:
    person = a_person()
    event_id = await happen(tenant, person)
    await run_all(tenant)
    await run_all(tenant)
    assert sorted(name for name, _ in work.calls) == ["first", "second"]
    event: ConsumedEvent = work.calls[0][1]
    assert (event.id, event.payload, event.actor_id) == (event_id, {"amount": "1.50"}, person.id)


async def test_one_consumer_that_fails_does_not_stop_the_other(tenant: TestTenant) -> None:
    async def fails(_: object) -> None:
        raise ValueError("first is broken")

    work.behaviours["first"] = fails
    await happen(tenant)
    await run_all(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        states = {r["consumer"]: r["state"] for r in await fetch("SELECT * FROM job")}
    assert states == {"test.first": "pending", "test.second": "done"}


async def test_nothing_is_told_of_what_was_rolled_back(tenant: TestTenant) -> None:
    with pytest.raises(ZeroDivisionError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await emit(type="test.happened", subject_kind="t", subject_id=new_id(), payload={})
            assert 1 / 0
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await fetch_value("SELECT count(*) FROM outbox_event") == 0
        assert await fetch_value("SELECT count(*) FROM job") == 0


async def test_it_carries_the_request_and_the_time(tenant: TestTenant) -> None:
    person = a_person()
    event_id = await happen(tenant, person)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        row = await fetch_row("SELECT * FROM outbox_event WHERE id = $1", event_id)
    assert row is not None
    assert row["request_id"] == person.request_id
    assert (row["state"], row["consumers"]) == ("pending", ["test.first", "test.second"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox_event SET payload = '{}'",
        "UPDATE outbox_event SET state = 'published', published_at = now()",
        "DELETE FROM outbox_event",
    ],
)
async def test_the_portal_cannot_change_an_event(tenant: TestTenant, statement: str) -> None:
    await happen(tenant)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute(statement)


async def test_not_even_a_superuser_changes_what_an_event_says(
    tenant: TestTenant, database
) -> None:
    event_id = await happen(tenant)
    async with connected(database.admin) as admin:
        with pytest.raises(asyncpg.RestrictViolationError):
            await admin.execute("UPDATE outbox_event SET payload = '{}' WHERE id = $1", event_id)


async def test_no_event_without_the_declarations(
    tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.kernel.jobs.registry._sealed", False)
    with pytest.raises(RuntimeError, match="registry"):
        await happen(tenant)
