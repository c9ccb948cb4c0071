"""One entry posted by the light function and by the general one: the same rows, the same refusals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, fetch_value, savepoint, unit_of_work
from app.kernel.errors import DomainError
from app.kernel.ids import new_id
from app.kernel.ledger.errors import BalanceTooLow
from app.kernel.ledger.operations import open_accounts, post_entries
from app.kernel.ledger.posting import FEW_POSTINGS_MAX, post_many, post_one
from app.kernel.ledger.values import AccountSpec, Entry, Posting
from tests.support.books import DAY, a_book
from tests.support.database import DatabaseUrls, TestTenant, connected
from tests.support.invariants import assert_invariants_hold

NOBODY = 6


class Wish(msgspec.Struct, frozen=True):
    """An entry by the places of its accounts: 0 house, 1 to 3 clients, 4 another asset's, 5 another
    book's, 6 nobody's. `reverses` and `key` name one of those before, if it is there."""

    lines: list[tuple[int, Decimal]]
    key: int
    reverses: int | None


@dataclass
class Side:
    """A book of its own and what was posted to it, by `post`."""

    post: Callable[[Entry], Awaitable[UUID]]
    book_id: UUID
    accounts: list[UUID]
    posted: list[UUID]

    async def outcome(self, wish: Wish) -> tuple[str, object]:
        """What came of it, without what differs between two books."""
        reversed_id = None
        if wish.reverses is not None and self.posted:
            reversed_id = self.posted[wish.reverses % len(self.posted)]
        entry = Entry(
            book_id=self.book_id,
            idempotency_key=f"{self.book_id}:{wish.key}",
            operation="test",
            subject_kind="product",
            subject_id=self.book_id,
            effective_on=DAY,
            narrative=f"wish {wish.key}",
            reverses_id=reversed_id,
            postings=[Posting(self.accounts[place], amount) for place, amount in wish.lines],
        )
        try:
            async with savepoint():
                entry_id = await self.post(entry)
        except BalanceTooLow as refusal:
            return "too low", self.accounts.index(refusal.account_id)
        except (ValueError, DomainError, asyncpg.PostgresError) as refusal:
            # Of two assets that are off, either may be told.
            said = re.sub(r"off by .*", "off", str(refusal))
            return type(refusal).__name__, re.sub(r"[0-9a-f-]{36}", "#", said)
        if entry_id not in self.posted:
            self.posted.append(entry_id)
        return "posted", self.posted.index(entry_id)

    async def rows(self) -> list[dict[str, Any]]:
        found = await fetch(
            "SELECT e.id AS entry_id, e.tenant_id, e.idempotency_key, e.operation, e.subject_kind,"
            " e.actor_id, e.effective_on, e.recorded_at, e.narrative, e.reverses_id, e.xid,"
            " p.position, p.account_id, p.asset, p.amount, p.xid AS posting_xid,"
            " e.subject_id = e.book_id AND p.book_id = e.book_id AS of_the_book"
            " FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id"
            " WHERE e.book_id = $1 ORDER BY e.id, p.position",
            self.book_id,
        )
        rows = [dict(row) for row in found]
        for row in rows:
            row["entry_id"] = self.posted.index(row["entry_id"])
            row["account_id"] = self.accounts.index(row["account_id"])
            row["idempotency_key"] = row["idempotency_key"].partition(":")[2]
            if row["reverses_id"] is not None:
                row["reverses_id"] = self.posted.index(row["reverses_id"])
        return rows

    async def balances(self) -> list[tuple[int, Decimal, int]]:
        """Of each floored account, with how often it was changed."""
        found = await fetch(
            "SELECT account_id, balance, version FROM ledger_balance"
            " WHERE account_id = ANY($1) ORDER BY account_id",
            self.accounts,
        )
        return [
            (self.accounts.index(row["account_id"]), row["balance"], row["version"])
            for row in found
        ]


async def _side(post: Callable[[Entry], Awaitable[UUID]]) -> Side:
    book, other = await a_book(clients=3), await a_book(clients=1)
    [units] = await open_accounts(
        specs=[
            AccountSpec(book_id=book.id, asset="UNIT", kind="units", floored=False, name="Units")
        ]
    )
    await post_entries(entries=[book.transfer(book.house, client, "3") for client in book.clients])
    return Side(
        post=post,
        book_id=book.id,
        accounts=[book.house, *book.clients, units, other.clients[0], new_id()],
        posted=[],
    )


async def _generally(entry: Entry) -> UUID:
    return (await post_many([entry]))[0]


# Never zero: of several faults at once it would depend on the order of the rows which one is told.
_AMOUNTS = st.integers(-5, 5).filter(bool).map(Decimal)


@st.composite
def _lines(draw: st.DrawFn) -> list[tuple[int, Decimal]]:
    """Mostly such that sum to zero between accounts of the book."""
    if draw(st.integers(0, 4)) == 0:
        places = st.integers(0, NOBODY)
        return draw(st.lists(st.tuples(places, _AMOUNTS), max_size=FEW_POSTINGS_MAX))
    lines = draw(st.lists(st.tuples(st.integers(0, 3), _AMOUNTS), min_size=1, max_size=4))
    off = sum(amount for _, amount in lines)
    return [*lines, (draw(st.integers(0, 3)), -Decimal(off))] if off else lines


_WISHES = st.lists(
    st.builds(
        Wish,
        lines=_lines(),
        key=st.integers(0, 20),
        reverses=st.none() | st.none() | st.integers(0, 5),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wishes=_WISHES)
async def test_both_ways_post_the_same_and_refuse_the_same(
    tenant: TestTenant, wishes: list[Wish]
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        light, general = await _side(post_one), await _side(_generally)
        for wish in wishes:
            assert await light.outcome(wish) == await general.outcome(wish)
        light.posted.extend(await _funded(light))
        general.posted.extend(await _funded(general))
        assert await light.rows() == await general.rows()
        assert await light.balances() == await general.balances()


async def _funded(side: Side) -> list[UUID]:
    """The entries that were there before the first wish."""
    rows = await fetch(
        "SELECT id FROM ledger_entry WHERE book_id = $1 AND id <> ALL($2) ORDER BY id",
        side.book_id,
        side.posted,
    )
    return [row["id"] for row in rows]


WAYS = pytest.mark.parametrize("post", [post_one, _generally], ids=["light", "general"])


@WAYS
async def test_a_floored_account_without_its_balance_row_is_no_account_to_post_to(
    tenant: TestTenant, database: DatabaseUrls, post: Callable[[Entry], Awaitable[UUID]]
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()
    async with connected(database.admin) as admin:
        await admin.execute("DELETE FROM ledger_balance WHERE account_id = $1", book.clients[0])
    with pytest.raises(RuntimeError, match="no balance row"):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post(book.transfer(book.house, book.clients[0], "1"))
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await fetch_value("SELECT count(*) FROM ledger_entry") == 0
        await post(book.transfer(book.house, book.clients[1], "1"))


@WAYS
async def test_the_same_key_at_once_posts_once(
    tenant: TestTenant, post: Callable[[Entry], Awaitable[UUID]]
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book()

    async def posted() -> UUID:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await post(book.transfer(book.house, book.clients[0], "5", key="raced"))

    assert len(set(await asyncio.gather(*(posted() for _ in range(12))))) == 1
    await assert_invariants_hold(tenant.id)


@WAYS
async def test_opposite_directions_at_once_never_wait_for_each_other_in_a_circle(
    tenant: TestTenant, post: Callable[[Entry], Awaitable[UUID]]
) -> None:
    """Nothing here tries again: a deadlock would be raised."""
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        book = await a_book(clients=3)
        await post_entries(
            entries=[book.transfer(book.house, client, "100") for client in book.clients]
        )

    async def move(first: int, second: int, third: int) -> None:
        source, target, other = (book.clients[place] for place in (first, second, third))
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await post(book.entry((source, "-2"), (target, "1"), (other, "1")))

    places = [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)]
    await asyncio.gather(*(move(*places[number % 4]) for number in range(60)))
    await assert_invariants_hold(tenant.id)
