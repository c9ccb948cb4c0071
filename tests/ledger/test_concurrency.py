"""Many writers at once: nothing oversold, nothing lost, no deadlock reaches anybody."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import retrying, unit_of_work
from app.kernel.ledger.errors import BalanceTooLow
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.queries import balances
from tests.support.books import a_book
from tests.support.database import TestTenant
from tests.support.invariants import assert_invariants_hold


async def test_fifty_overdraws_at_once_accept_exactly_those_that_fit(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(entries=[book.transfer(book.house, book.clients[0], "100")])

    async def draw() -> bool:
        try:
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
                await post_entries(entries=[book.transfer(book.clients[0], book.house, "7")])
        except BalanceTooLow:
            return False
        return True

    accepted = await asyncio.gather(*(draw() for _ in range(50)))
    assert accepted.count(True) == 100 // 7
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert (await balances(account_ids=book.clients))[book.clients[0]] == 100 % 7
    await assert_invariants_hold(tenant.id)


async def test_transfers_in_opposite_directions_never_deadlock(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book(clients=4)
        await post_entries(
            entries=[book.transfer(book.house, client, "50") for client in book.clients]
        )
    choose = random.Random(7)
    refused = 0

    @retrying
    async def move(first: int, second: int, third: int) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post_entries(
                entries=[
                    book.transfer(book.clients[first], book.clients[second], "3"),
                    book.transfer(book.clients[second], book.clients[third], "2"),
                ]
            )

    async def attempt() -> None:
        nonlocal refused
        try:
            await move(*choose.sample(range(4), 3))
        except BalanceTooLow:
            refused += 1

    await asyncio.gather(*(attempt() for _ in range(200)))
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        left = await balances(account_ids=book.clients)
    assert sum(left.values(), Decimal(0)) == 200
    assert refused < 200
    await assert_invariants_hold(tenant.id)


async def test_two_posts_in_opposite_order_in_one_unit_each_are_retried(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(
            entries=[book.transfer(book.house, client, "50") for client in book.clients]
        )

    # Posting twice in one unit of work locks in the caller's order: a deadlock, then a retry.
    @retrying
    async def one_after_the_other(accounts: list[UUID]) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            for account in accounts:
                await post_entries(entries=[book.transfer(account, book.house, "1")])

    there, back = list(book.clients), list(reversed(book.clients))
    for _ in range(2):
        await asyncio.gather(one_after_the_other(there), one_after_the_other(back))
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert set((await balances(account_ids=book.clients)).values()) == {Decimal(46)}
    await assert_invariants_hold(tenant.id)
