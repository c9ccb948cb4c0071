"""The ledger down to the posting: accounts, statements, entries, and who sees which."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.operations.yield_accrue import accrue_yields
from app.kernel.database import fetch, fetch_value
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.queries import accounts, balances
from app.kernel.ledger.statement import statement
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import API, Seats, open_seats
from tests.support.books import a_book
from tests.support.desk import Desk
from tests.support.drain import advance

ROW = re.compile(r'data-row="([^"]+)"')
CURSOR = re.compile(r"cursor=([^\"&]+)")


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def _claim(desk: Desk, login: str = "member") -> UUID:
    """An account of this client's subscription that something was posted to."""
    async with desk.working("ops"):
        found: UUID = await fetch_value(
            "SELECT a.id FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id"
            " WHERE a.owner_id = $1 ORDER BY a.id LIMIT 1",
            desk.subscriptions[login, "yield"],
        )
    return found


async def _entry_on(desk: Desk, account_id: UUID) -> UUID:
    async with desk.working("ops"):
        found: UUID = await fetch_value(
            "SELECT entry_id FROM ledger_posting WHERE account_id = $1 LIMIT 1", account_id
        )
    return found


class TestAccounts:
    async def test_only_who_may_read_the_ledger_sees_them(self, seats: Seats, desk: Desk) -> None:
        for login, status in {
            "ops": 200,
            "compliance": 200,
            "member": 403,
            "rm": 403,
            "trader": 403,
            "admin": 403,
        }.items():
            seat = await seats.of(desk, login)
            assert (await seat.get("/ledger/accounts")).status_code == status, login
            start = await seat.browser.get("/notifications")
            assert ('href="/ledger/accounts"' in start.text) is (status == 200), login

    async def test_are_filtered_by_what_stands_in_the_address(
        self, seats: Seats, desk: Desk
    ) -> None:
        seat = await seats.of(desk, "ops")
        async with desk.working("ops"):
            book = await fetch_value(
                "SELECT book_id FROM product WHERE id = $1", desk.products["growth"]
            )
            every = await accounts(limit=500)
        for query, wanted in {
            f"book={book}": {view.id for view in every if view.book_id == book},
            "asset=usdt": {view.id for view in every if view.asset == "USDT"},
            "kind=Redemptions owed": {view.id for view in every if view.kind == "redemptions_owed"},
            "name=fee": {view.id for view in every if "fee" in view.name.lower()},
            f"book={book}&kind=rounding": {
                view.id for view in every if view.book_id == book and view.kind == "rounding"
            },
        }.items():
            page = await seat.get(f"/ledger/accounts?{query}")
            assert {UUID(row) for row in ROW.findall(page.text)} == wanted != set(), query
        page = await seat.get("/ledger/accounts?name=nothing-is-called-so")
        assert "No account matches" in page.text

    async def test_go_on_from_page_to_page_and_miss_none(self, seats: Seats, desk: Desk) -> None:
        async with desk.working("ops"):
            await a_book(clients=60)
            every = {str(view.id) for view in await accounts(limit=500)}
        seat = await seats.of(desk, "ops")
        path, found = "/ledger/accounts", []
        while path:
            text = (await seat.get(path)).text
            found += ROW.findall(text)
            more = CURSOR.search(text)
            path = f"/ledger/accounts?cursor={more.group(1)}" if more else ""
        assert len(found) == len(set(found))
        assert set(found) == every

        path, found = f"{API}/ledger/accounts?limit=20", []
        while path:
            body = (await seat.get(path)).json()
            assert len(body["data"]) <= 20
            found += [row["id"] for row in body["data"]]
            path = body["links"].get("next", "")
        assert found == sorted(every)

    async def test_another_tenants_are_not_among_them(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        account = await _claim(desk)
        entry = await _entry_on(desk, account)
        seat = await seats.of(stranger, "ops")
        assert str(account) not in (await seat.get("/ledger/accounts")).text
        assert (await seat.get(f"/ledger/accounts/{account}")).status_code == 404
        assert (await seat.get(f"/ledger/entries/{entry}")).status_code == 404
        assert (await seat.get(f"/ledger/accounts/{new_id()}")).status_code == 404


class TestStatement:
    async def test_runs_from_the_balance_now_back_to_nothing(self, desk: Desk) -> None:
        async with desk.working("ops"):
            book = await a_book()
            client = book.clients[0]
        for source, target, amount in (
            (book.house, client, "5"),
            (book.house, client, "7.25"),
            (client, book.house, "3"),
            (book.house, client, "0.000000000000000001"),
        ):
            async with desk.working("ops"):
                await post_entries(entries=[book.transfer(source, target, amount)])
        async with desk.working("ops"):
            for account in (client, book.house):
                lines = await statement(account_id=account, limit=10)
                assert lines[0].balance == (await balances(account_ids=[account]))[account]
                assert lines[-1].balance == lines[-1].amount
                paged, after = [], None
                while part := await statement(account_id=account, after=after, limit=3):
                    paged += part
                    after = part[-1].at
                assert paged == lines
            assert [line.balance for line in await statement(account_id=client)] == [
                Decimal("9.250000000000000001"),
                Decimal("9.25"),
                Decimal("12.25"),
                Decimal(5),
            ]

    async def test_has_pages_and_refuses_a_cursor_that_is_not_its_own(
        self, seats: Seats, desk: Desk
    ) -> None:
        async with desk.working("ops"):
            book = await a_book()
            await post_entries(
                entries=[book.transfer(book.house, book.clients[0], "1") for _ in range(51)]
            )
        seat = await seats.of(desk, "compliance")
        path = f"/ledger/accounts/{book.clients[0]}"
        first = await seat.get(path)
        assert len(ROW.findall(first.text)) == 50
        cursor = CURSOR.search(first.text)
        assert cursor is not None
        second = await seat.get(f"{path}?cursor={cursor.group(1)}")
        assert len(ROW.findall(second.text)) == 1
        for bad in ("x", "1.x.1", f"-1.{new_id()}.0", f"{2**64}.{new_id()}.0", "%00"):
            assert (await seat.get(f"{path}?cursor={bad}")).status_code == 422, bad
        assert "Nothing posted yet" in (await seat.get(f"/ledger/accounts/{book.clients[1]}")).text


class TestEntry:
    async def test_shows_postings_and_leads_to_its_accounts_and_its_subject(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        async with desk.working("ops"):
            row = (
                await fetch(
                    "SELECT e.id, p.account_id FROM ledger_entry e JOIN ledger_posting p"
                    " ON p.entry_id = e.id WHERE e.subject_id = $1",
                    redemption_id,
                )
            )[0]
        page = await (await seats.of(desk, "ops")).get(f"/ledger/entries/{row['id']}")
        assert f'href="/redemptions/{redemption_id}"' in page.text
        assert f'href="/ledger/accounts/{row["account_id"]}"' in page.text
        member = await (await seats.of(desk, "member")).get(f"/ledger/entries/{row['id']}")
        assert f'href="/redemptions/{redemption_id}"' in member.text
        assert "/ledger/accounts" not in member.text

    async def test_of_another_client_is_not_there(self, seats: Seats, desk: Desk) -> None:
        entry = await _entry_on(desk, await _claim(desk))
        for login, status in {"member": 200, "member2": 404, "rm": 403, "trader": 403}.items():
            seat = await seats.of(desk, login)
            assert (await seat.get(f"/ledger/entries/{entry}")).status_code == status, login

    async def test_that_moves_for_several_clients_shows_each_their_own_part(
        self, seats: Seats, desk: Desk
    ) -> None:
        await advance(hours=48)
        async with desk.working("ops"):
            await accrue_yields(product_id=desk.products["yield"])
            entry = await fetch_value(
                "SELECT id FROM ledger_entry WHERE operation = 'yield.accrue'"
                " ORDER BY id DESC LIMIT 1"
            )
        path = f"{API}/ledger/entries/{entry}"
        whole = (await (await seats.of(desk, "ops")).get(path)).json()["data"]
        seat = await seats.of(desk, "member")
        own = (await seat.get(path)).json()["data"]
        assert len(whole["postings"]) == 3
        assert len(own["postings"]) == 1
        assert own["postings"][0] in whole["postings"]
        page = await seat.get(f"/ledger/entries/{entry}")
        assert "only your own accounts are shown" in page.text


async def test_a_computation_leads_to_the_entries_that_its_reader_may_open(
    seats: Seats, desk: Desk
) -> None:
    redemption_id = await steps.request(desk)
    link = re.compile(r'href="(/ledger/entries/[^"]+)"')
    for login, leads in {"ops": True, "compliance": True, "member": True, "rm": False}.items():
        seat = await seats.of(desk, login)
        found = link.findall((await seat.get(f"/explain/redemptions/{redemption_id}")).text)
        assert bool(found) is leads, login
        for path in found:
            assert (await seat.get(path)).status_code == 200, (login, path)
