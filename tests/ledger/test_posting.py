"""Posting entries: what is accepted, what is refused, and that each counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from app.kernel.actors import SYSTEM
from app.kernel.database import pool, savepoint, unit_of_work
from app.kernel.ids import new_id
from app.kernel.ledger.errors import BalanceTooLow, EntryInvalid, EntryUnbalanced
from app.kernel.ledger.operations import open_accounts, open_book, post_entries
from app.kernel.ledger.queries import AccountFilter, accounts, balances, entry_view
from app.kernel.ledger.values import AccountSpec, Posting
from tests.support.books import DAY, a_book
from tests.support.database import TestTenant, a_person
from tests.support.invariants import assert_invariants_hold
from tests.support.waiting import eventually


async def test_moves_amounts_and_keeps_who_why_and_when(tenant: TestTenant) -> None:
    person = a_person()
    async with unit_of_work(tenant=tenant.id, actor=person) as unit:
        book = await a_book()
        [first, second] = await post_entries(
            entries=[
                book.transfer(book.house, book.clients[0], "100.5", key="a"),
                book.transfer(book.clients[0], book.clients[1], "0.000000000000000001", key="b"),
            ]
        )
        assert await balances(account_ids=[book.house, *book.clients]) == {
            book.house: Decimal("-100.5"),
            book.clients[0]: Decimal("100.499999999999999999"),
            book.clients[1]: Decimal("0.000000000000000001"),
        }
        entry = await entry_view(entry_id=first)
        assert (entry.actor_id, entry.recorded_at) == (person.id, unit.now)
        assert (entry.effective_on, entry.operation) == (DAY, "test")
        assert [(line.account_name, line.asset, line.amount) for line in entry.postings] == [
            ("House", "USD", Decimal("-100.5")),
            ("Client 0", "USD", Decimal("100.5")),
        ]
        assert second != first
    await assert_invariants_hold(tenant.id)


async def test_one_account_several_times_in_one_call_counts_every_time(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(
            entries=[
                book.entry((book.house, "-3"), (book.clients[0], "1"), (book.clients[0], "2")),
                book.transfer(book.house, book.clients[0], "4"),
            ]
        )
        assert (await balances(account_ids=book.clients))[book.clients[0]] == 7
    await assert_invariants_hold(tenant.id)


async def test_refuses_to_take_a_floored_account_below_zero_and_names_it(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        await post_entries(entries=[book.transfer(book.house, book.clients[0], "10")])
    with pytest.raises(BalanceTooLow) as refusal:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post_entries(
                entries=[
                    book.transfer(book.house, book.clients[1], "5"),
                    book.transfer(book.clients[0], book.house, "10.000000000000000001"),
                ]
            )
    assert refusal.value.account_id == book.clients[0]
    assert refusal.value.code == "INSUFFICIENT_BALANCE"
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        found = await balances(account_ids=book.clients)
        assert [found[client] for client in book.clients] == [10, 0]
    await assert_invariants_hold(tenant.id)


async def test_a_refusal_inside_a_savepoint_leaves_the_rest_of_the_unit(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        with pytest.raises(BalanceTooLow):
            async with savepoint():
                await post_entries(entries=[book.transfer(book.clients[0], book.house, "1")])
        await post_entries(entries=[book.transfer(book.house, book.clients[0], "1")])
    await assert_invariants_hold(tenant.id)


async def test_a_refusal_that_is_swallowed_does_not_look_like_a_commit(tenant: TestTenant) -> None:
    with pytest.raises(RuntimeError, match="nothing of this was committed"):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            book = await a_book()
            with pytest.raises(BalanceTooLow):
                await post_entries(entries=[book.transfer(book.clients[0], book.house, "1")])


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity", "1E-19", "1E+20"])
async def test_refuses_amounts_that_no_ledger_holds(tenant: TestTenant, amount: str) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        postings = [
            Posting(book.house, Decimal(amount)),
            Posting(book.clients[0], Decimal(amount).copy_negate()),
        ]
        entry = book.transfer(book.house, book.clients[0], "1")
        with pytest.raises(EntryInvalid):
            await post_entries(entries=[replace(entry, postings=postings)])


async def test_refuses_an_entry_without_postings_or_out_of_balance(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        with pytest.raises(EntryInvalid):
            await post_entries(entries=[book.entry()])
        with pytest.raises(EntryUnbalanced):
            await post_entries(entries=[book.entry((book.house, "-1"), (book.clients[0], "2"))])


async def test_refuses_to_turn_one_asset_into_another(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        [units] = await open_accounts(
            specs=[
                AccountSpec(book_id=book.id, asset="UNIT", kind="units", floored=False, name="U")
            ]
        )
        with pytest.raises(EntryUnbalanced, match="off by"):
            async with savepoint():
                await post_entries(entries=[book.entry((book.house, "-1"), (units, "1"))])


async def test_refuses_to_touch_another_book_or_an_account_that_is_not_there(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book, other = await a_book(), await a_book()
        for account in (other.clients[0], new_id()):
            with pytest.raises(EntryUnbalanced):
                async with savepoint():
                    await post_entries(entries=[book.transfer(book.house, account, "1")])


async def test_refuses_the_accounts_of_another_tenant(
    new_tenant: Callable[..., Awaitable[TestTenant]],
) -> None:
    mine, theirs = await new_tenant(), await new_tenant()
    async with unit_of_work(tenant=theirs.id, actor=SYSTEM):
        foreign = await a_book()
    async with unit_of_work(tenant=mine.id, actor=SYSTEM):
        book = await a_book()
        assert await balances(account_ids=[foreign.house]) == {}
        assert await accounts(chosen=AccountFilter(book_id=foreign.id)) == []
        with pytest.raises(EntryUnbalanced):
            async with savepoint():
                await post_entries(entries=[book.transfer(book.house, foreign.clients[0], "1")])
        with pytest.raises(EntryUnbalanced):
            async with savepoint():
                await post_entries(entries=[foreign.transfer(book.house, book.clients[0], "1")])


async def test_a_key_seen_before_returns_the_first_entry_and_posts_nothing(
    tenant: TestTenant,
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
        entry = book.transfer(book.house, book.clients[0], "5", key="once")
        [first, twin] = await post_entries(entries=[entry, entry])
        assert twin == first
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        other = book.transfer(book.house, book.clients[0], "1")
        again, new = await post_entries(entries=[entry, other])
        assert (again, new != first) == (first, True)
        assert (await balances(account_ids=book.clients))[book.clients[0]] == 6
    await assert_invariants_hold(tenant.id)


async def test_the_same_key_twenty_times_at_once_posts_once(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()

    async def post() -> object:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return (
                await post_entries(
                    entries=[book.transfer(book.house, book.clients[0], "5", key="raced")]
                )
            )[0]

    ids = await asyncio.gather(*(post() for _ in range(20)))
    assert len(set(ids)) == 1
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert (await balances(account_ids=book.clients))[book.clients[0]] == 5
    await assert_invariants_hold(tenant.id)


async def test_the_same_key_may_be_taken_after_the_first_rolled_back(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
    entry = book.transfer(book.house, book.clients[0], "5", key="again")
    with pytest.raises(ZeroDivisionError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post_entries(entries=[entry])
            raise ZeroDivisionError
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await post_entries(entries=[entry])
        assert (await balances(account_ids=book.clients))[book.clients[0]] == 5


async def test_books_and_accounts_are_opened_once_even_at_once(tenant: TestTenant) -> None:
    subject = new_id()
    owner = new_id()

    async def opened() -> tuple[object, ...]:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            book_id = await open_book(name="B", subject_kind="fund", subject_id=subject)
            specs = [
                AccountSpec(book_id=book_id, asset="USD", kind="fees", floored=False, name="Fees"),
                AccountSpec(
                    book_id=book_id,
                    asset="USD",
                    kind="client",
                    owner_id=owner,
                    floored=True,
                    name="Client",
                ),
            ]
            return (book_id, *await open_accounts(specs=[*specs, specs[0]]))

    everywhere = await asyncio.gather(*(opened() for _ in range(10)))
    assert len(set(everywhere)) == 1
    _, fees, client, fees_again = everywhere[0]
    assert fees == fees_again != client
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        found = await accounts(chosen=AccountFilter(owner_id=owner))
        assert [account.kind for account in found] == ["client"]
    await assert_invariants_hold(tenant.id)


async def test_what_a_twin_commits_while_one_waits_for_it_is_ones_own(tenant: TestTenant) -> None:
    """Its account, and its entry: neither can be seen by the statement that waited."""

    async def waits() -> bool:
        return bool(
            await pool().fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND state = 'active')"
            )
        )

    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
    spec = AccountSpec(book_id=book.id, asset="USD", kind="fees", floored=False, name="Fees")
    entry = book.transfer(book.house, book.clients[0], "5")

    async def opened() -> list[UUID]:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await open_accounts(specs=[spec])

    async def posted() -> list[UUID]:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await post_entries(entries=[entry])

    for twin, first in (
        (opened, lambda: open_accounts(specs=[spec])),
        (posted, lambda: post_entries(entries=[entry])),
    ):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            made = await first()
            # Another process: it does not find this unit of work in its context.
            waiting = asyncio.create_task(twin(), context=Context())
            await eventually(waits, True, within_seconds=5)
        assert await waiting == made
    await assert_invariants_hold(tenant.id)


async def test_an_account_is_not_given_to_whoever_asks_for_another_floor(
    tenant: TestTenant,
) -> None:
    """What may not go below zero is never taken for what may, nor the other way round."""
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book(clients=0)
        house = AccountSpec(book_id=book.id, asset="USD", kind="house", floored=True, name="House")
        with pytest.raises(EntryInvalid, match="exists and floored=False"):
            await open_accounts(specs=[house])
        assert await open_accounts(specs=[replace(house, floored=False)]) == [book.house]


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting", "ledger_account"])
async def test_the_portal_may_neither_change_nor_remove_what_is_posted(
    tenant: TestTenant, table: str
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
        for sql in ("UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with savepoint():
                    await unit.connection.execute(sql.format(table))
