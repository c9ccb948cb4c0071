"""Idempotency keys: one effect, one answer, each to its own tenant, actor and route."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

import pytest

from app.kernel.actors import SYSTEM, Actor
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.errors import InputInvalid, NotAuthenticated
from app.kernel.idempotency import IdempotencyMismatch, StoredAnswer, begin, forget_old, keep
from app.kernel.idempotency.operations import IdempotencyKeyInUse
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.invariants import assert_invariants_hold

BODY = sha256(b"body").digest()
ANSWER = StoredAnswer(status=201, headers={"location": "/x"}, body=b'{"id":1}')


async def once(
    tenant: TestTenant,
    actor: Actor,
    *,
    key: str = "k",
    route: str = "POST /x",
    body: bytes = BODY,
    moved_money: bool = False,
) -> StoredAnswer | None:
    """Asks as a handler would: the stored answer, or the work and then its answer kept."""
    async with unit_of_work(tenant=tenant.id, actor=actor):
        stored = await begin(route=route, key=key, body_hash=body)
        if stored is None:
            await keep(
                route=route,
                key=key,
                status=ANSWER.status,
                headers=ANSWER.headers,
                body=ANSWER.body,
                moved_money=moved_money,
            )
        return stored


async def test_the_second_time_gives_the_first_answer(tenant: TestTenant) -> None:
    person = a_person()
    assert await once(tenant, person) is None
    assert await once(tenant, person) == ANSWER
    await assert_invariants_hold(tenant.id)


async def test_another_body_under_the_same_key_is_refused(tenant: TestTenant) -> None:
    person = a_person()
    await once(tenant, person)
    with pytest.raises(IdempotencyMismatch) as refusal:
        await once(tenant, person, body=sha256(b"other").digest())
    assert (refusal.value.status, refusal.value.code) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_tenant_actor_and_route_each_have_their_own_keys(
    new_tenant: Callable[..., Awaitable[TestTenant]],
) -> None:
    mine, theirs = await new_tenant(), await new_tenant()
    person = a_person()
    assert await once(mine, person) is None
    assert await once(theirs, person) is None
    assert await once(mine, a_person()) is None
    assert await once(mine, person, route="POST /y") is None


async def test_twenty_at_once_have_one_effect_and_one_answer(tenant: TestTenant) -> None:
    person = a_person()
    answers = await asyncio.gather(*(once(tenant, person) for _ in range(20)))
    assert answers.count(None) == 1
    assert answers.count(ANSWER) == 19


async def test_a_failure_keeps_nothing_and_a_waiting_twin_takes_over(tenant: TestTenant) -> None:
    person = a_person()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        async with unit_of_work(tenant=tenant.id, actor=person):
            assert await begin(route="POST /x", key="k", body_hash=BODY) is None
            inside.set()
            await go_on.wait()
            raise ZeroDivisionError

    failing = asyncio.create_task(fails())
    await inside.wait()
    twin = asyncio.create_task(once(tenant, person))
    go_on.set()
    with pytest.raises(ZeroDivisionError):
        await failing
    assert await twin is None
    assert await once(tenant, person) == ANSWER


async def test_a_key_without_an_answer_yet_is_in_use(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        await begin(route="POST /x", key="k", body_hash=BODY)
        with pytest.raises(IdempotencyKeyInUse):
            await begin(route="POST /x", key="k", body_hash=BODY)


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_refuses_keys_of_an_odd_length(tenant: TestTenant, key: str) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        with pytest.raises(InputInvalid):
            await begin(route="POST /x", key=key, body_hash=BODY)


async def test_belongs_to_somebody_signed_in(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        with pytest.raises(NotAuthenticated):
            await begin(route="POST /x", key="k", body_hash=BODY)


async def test_an_answer_is_kept_once_and_for_a_key_that_was_taken(tenant: TestTenant) -> None:
    person = a_person()
    await once(tenant, person)
    for key in ("k", "never taken"):
        with pytest.raises(RuntimeError):
            async with unit_of_work(tenant=tenant.id, actor=person):
                await keep(
                    route="POST /x", key=key, status=200, headers={}, body=b"", moved_money=False
                )


async def test_old_keys_are_forgotten_but_not_those_that_moved_money(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    person = a_person()
    await once(tenant, person, key="old")
    await once(tenant, person, key="old money", moved_money=True)
    async with connected(database.admin) as admin:
        await admin.execute(
            "UPDATE idempotency_key SET created_at = created_at - interval '25 hours' "
            "WHERE tenant_id = $1",
            tenant.id,
        )
    await once(tenant, person, key="new")
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        assert await forget_old() == 1
        # Not even without its own condition: row security keeps it.
        await unit.connection.execute("DELETE FROM idempotency_key WHERE key = 'old money'")
        assert await fetch_value("SELECT count(*) FROM idempotency_key") == 2
    assert await once(tenant, person, key="old money") == ANSWER
    assert await once(tenant, person, key="old") is None
