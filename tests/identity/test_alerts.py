"""Operations are told of what does not mend itself."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.domains.identity.jobs import ALERT
from app.domains.identity.public import Role, add_membership, create_account
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs import FailedForGood, enqueue
from app.kernel.notifications import mail
from app.kernel.outbox import emit
from app.kernel.outbox.consumers import consumer_kind
from tests.support import work
from tests.support.database import TestTenant
from tests.support.drain import drain

sent: list[str] = []


@pytest.fixture(autouse=True)
def _mail(monkeypatch: pytest.MonkeyPatch) -> None:
    sent.clear()
    work.behaviours.clear()

    async def transport(**message: str) -> None:
        sent.append(message["to"])

    monkeypatch.setattr(mail, "_transport", transport)


async def people(tenant: TestTenant) -> dict[UUID, str]:
    """Two of operations, by membership; a trader besides."""
    found = {}
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        for role in (Role.operations, Role.operations, Role.trader):
            email = f"{new_id().hex}@{tenant.slug}.example"
            account_id = await create_account(email=email, name="Somebody", password=None)
            member = await add_membership(account_id=account_id, role=role)
            if role is Role.operations:
                found[member] = email
    return found


async def told(tenant: TestTenant) -> dict[UUID, tuple[str, str, str]]:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        rows = await fetch("SELECT recipient_id, event_type, body, link FROM notification")
    return {row["recipient_id"]: (row["event_type"], row["body"], row["link"]) for row in rows}


async def test_operations_are_told_of_a_dead_job(tenant: TestTenant) -> None:
    async def fails(_: object) -> None:
        raise FailedForGood("broken")

    operations = await people(tenant)
    work.behaviours["inside"] = fails
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await enqueue(kind="test.inside", payload={})
    await drain()
    notes = await told(tenant)
    assert notes.keys() == operations.keys()
    for event_type, body, link in notes.values():
        assert (event_type, link) == ("job.dead", "/notifications")
        assert "test.inside" in body
    assert set(operations.values()) <= set(sent)


async def test_operations_are_told_of_a_broken_invariant(tenant: TestTenant) -> None:
    operations = await people(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await emit(
            type="invariant.broken",
            subject_kind="tenant",
            subject_id=tenant.id,
            payload={"invariant": "ledger.entries_balance", "violations": 2},
        )
    await drain()
    notes = await told(tenant)
    assert notes.keys() == operations.keys()
    assert all("ledger.entries_balance" in body for _, body, _ in notes.values())
    assert set(operations.values()) <= set(sent)


@pytest.mark.parametrize(
    ("kind", "notes"), [(mail.MAIL_JOB, 2), (consumer_kind(ALERT), 0)], ids=["mail", "the alert"]
)
async def test_an_alert_begets_no_alerts(tenant: TestTenant, kind: str, notes: int) -> None:
    await people(tenant)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await emit(type="job.dead", subject_kind="job", subject_id=new_id(), payload={"kind": kind})
    await drain()
    assert len(await told(tenant)) == notes
    assert [to for to in sent if tenant.slug in to] == []
