"""Reversing an entry: its mirror, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import savepoint, unit_of_work
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.ledger.errors import BalanceTooLow, EntryReversedAlready
from app.kernel.ledger.operations import post_entries, reverse_entry
from app.kernel.ledger.queries import balances, entry_view
from tests.support.books import a_book
from tests.support.database import TestTenant
from tests.support.invariants import assert_invariants_hold


async def test_undoes_the_entry_and_names_it(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
        reversal = await reverse_entry(entry_id=entry_id, reason="typed twice", idempotency_key="r")
        assert await balances(account_ids=[book.house, book.clients[0]]) == {
            book.house: 0,
            book.clients[0]: 0,
        }
        mended, mending = await entry_view(entry_id=entry_id), await entry_view(entry_id=reversal)
        assert (mended.reversed_by_id, mending.reverses_id) == (reversal, entry_id)
        assert (mending.narrative, mending.effective_on) == ("typed twice", mended.effective_on)
    await assert_invariants_hold(tenant.id)


async def test_the_same_key_reverses_once_and_another_key_is_refused(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
        first = await reverse_entry(entry_id=entry_id, reason="x", idempotency_key="r")
        assert await reverse_entry(entry_id=entry_id, reason="x", idempotency_key="r") == first
        with pytest.raises(EntryReversedAlready):
            async with savepoint():
                await reverse_entry(entry_id=entry_id, reason="x", idempotency_key="other")
    await assert_invariants_hold(tenant.id)


async def test_ten_reversals_at_once_have_one_effect(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])

    async def reverse() -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await reverse_entry(entry_id=entry_id, reason="x", idempotency_key=new_id().hex)

    results = await asyncio.gather(*(reverse() for _ in range(10)), return_exceptions=True)
    assert results.count(None) == 1
    assert all(isinstance(result, EntryReversedAlready) for result in results if result)
    await assert_invariants_hold(tenant.id)


async def test_refuses_when_what_the_entry_brought_is_gone(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
        await post_entries(entries=[book.transfer(book.clients[0], book.clients[1], "3")])
        with pytest.raises(BalanceTooLow):
            async with savepoint():
                await reverse_entry(entry_id=entry_id, reason="x", idempotency_key="r")


async def test_another_tenants_entry_is_not_there(
    new_tenant: Callable[..., Awaitable[TestTenant]],
) -> None:
    mine, theirs = await new_tenant(), await new_tenant()
    async with unit_of_work(tenant=theirs.id, actor=SYSTEM):
        book = await a_book()
        [entry_id] = await post_entries(entries=[book.transfer(book.house, book.clients[0], "5")])
    async with unit_of_work(tenant=mine.id, actor=SYSTEM):
        with pytest.raises(NotFound):
            await reverse_entry(entry_id=entry_id, reason="x", idempotency_key="r")
