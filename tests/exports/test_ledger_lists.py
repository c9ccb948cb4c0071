"""The ledger's accounts, entries and statements: filtered, sorted, and taken out whole."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest

from app.kernel.database import fetch, fetch_value
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.queries import balances
from app.web import ledger_pages, listing
from app.web.export import answering
from tests.investments import steps
from tests.investments.amounts_on_pages import figures_of
from tests.security.seats import API, Seat, Seats
from tests.support.books import a_book
from tests.support.desk import Desk
from tests.support.exports import csv_rows, excel_rows, taken_out

ROW = re.compile(r'data-row="([^"]+)"')
NEXT = re.compile(r'href="([^"]+)" rel="next"')


async def walked(seat: Seat, path: str) -> list[str]:
    found: list[str] = []
    while path:
        text = (await seat.get(path)).text
        found += ROW.findall(text)
        more = NEXT.search(text)
        path = html.unescape(more.group(1)) if more else ""
    return found


class TestEntries:
    async def test_are_listed_as_they_were_posted_both_ways(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "PAGE_SIZE", 3)
        monkeypatch.setattr(answering, "BATCH_ROWS", 3)
        await steps.request(desk)
        async with desk.working("ops"):
            every = [str(row["id"]) for row in await fetch("SELECT id FROM ledger_entry")]
        ops = await seats.of(desk, "ops")
        falling = await walked(ops, "/ledger/entries")
        assert falling == sorted(every, reverse=True)
        assert await walked(ops, "/ledger/entries?sort=recorded_at") == falling[::-1]
        rows = await csv_rows(ops, "/ledger/entries", "sort=recorded_at")
        assert [row["id"] for row in rows] == falling[::-1]
        assert [row["Entry"] for row in await excel_rows(ops, "/ledger/entries")] == falling

    async def test_are_filtered_alike_on_the_page_in_the_file_and_over_rest(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        ops = await seats.of(desk, "ops")
        async with desk.working("ops") as unit:
            book = await fetch_value(
                "SELECT book_id FROM product WHERE id = $1", desk.products["growth"]
            )
            today = unit.now.date()
            every = await fetch("SELECT id, book_id, operation, subject_id FROM ledger_entry")
        of_request = {str(row["id"]) for row in every if row["subject_id"] == redemption_id}
        of_book = {str(row["id"]) for row in every if row["book_id"] == book}
        requests = {str(row["id"]) for row in every if row["operation"].startswith("redemption.")}
        assert of_request and of_book and requests
        for query, wanted in {
            f"subject={redemption_id}": of_request,
            "subject=Redemption": of_request,
            f"book={book}": of_book,
            "operation=Redemption.": requests,
            f"from={today}&to={today}": {str(row["id"]) for row in every},
            "q=nothing is called so": set(),
        }.items():
            assert set(await walked(ops, f"/ledger/entries?{query}")) == wanted, query
            rows = await csv_rows(ops, "/ledger/entries", query)
            assert {row["id"] for row in rows} == wanted, query
        for query, wanted in {
            f"subject={redemption_id}": of_request,
            f"book={book}": of_book,
            "operation=redemption.": requests,
            f"to={today}T00:00:00Z": set(),
        }.items():
            body = (await ops.get(f"{API}/ledger/entries?limit=200&{query}")).json()
            assert {row["id"] for row in body["data"]} == wanted, query
        assert "No entry matches" in (await ops.get("/ledger/entries?q=none-such")).text

    async def test_are_nobody_elses(self, seats: Seats, desk: Desk, stranger: Desk) -> None:
        redemption_id = await steps.request(desk)
        other = await seats.of(stranger, "ops")
        query = f"subject={redemption_id}"
        assert await walked(other, f"/ledger/entries?{query}") == []
        assert await csv_rows(other, "/ledger/entries", query) == []
        assert (await other.get(f"{API}/ledger/entries?{query}")).json()["data"] == []
        for login in ("member", "rm", "trader", "admin"):
            seat = await seats.of(desk, login)
            assert (await seat.get("/ledger/entries")).status_code == 403, login
            assert (await seat.get(f"{API}/ledger/entries")).status_code == 403, login
            for path in ("/ledger/entries", "/ledger/accounts"):
                assert (await taken_out(seat, path)).status_code == 403, (login, path)


class TestAccounts:
    @pytest.mark.parametrize("sort", ["opened_at", "name", "book", "kind", "asset"])
    async def test_every_order_goes_both_ways(self, seats: Seats, desk: Desk, sort: str) -> None:
        ops = await seats.of(desk, "ops")
        rising = await walked(ops, f"/ledger/accounts?sort={sort}")
        assert len(set(rising)) == len(rising) > 20
        assert await walked(ops, f"/ledger/accounts?sort=-{sort}") == rising[::-1]
        rows = await csv_rows(ops, "/ledger/accounts", f"sort={sort}")
        assert [row["id"] for row in rows] == rising
        body = (await ops.get(f"{API}/ledger/accounts?limit=200&sort={sort}")).json()
        assert [row["id"] for row in body["data"]] == rising

    async def test_come_with_the_balance_of_one_moment(self, seats: Seats, desk: Desk) -> None:
        ops = await seats.of(desk, "ops")
        rows = await csv_rows(ops, "/ledger/accounts", "kind=custody")
        async with desk.working("ops"):
            held = await balances(account_ids=[UUID(row["id"]) for row in rows])
        assert {UUID(row["id"]): Decimal(row["balance"]) for row in rows} == held
        assert any(held.values())


class TestAFilteredStatement:
    async def test_keeps_the_balance_of_every_posting(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is left out is not told; the balances are still those of them all."""
        monkeypatch.setattr(answering, "BATCH_ROWS", 4)
        monkeypatch.setattr(ledger_pages, "PAGE_SIZE", 4)
        async with desk.working("ops"):
            book = await a_book()
            client = book.clients[0]
            for n in range(1, 31):
                entry = book.transfer(book.house, client, str(n))
                kind = "test.kept" if n % 3 == 0 else "test.other"
                await post_entries(entries=[msgspec.structs.replace(entry, operation=kind)])
        ops = await seats.of(desk, "ops")
        path = f"/ledger/accounts/{client}"
        rows = await csv_rows(ops, path, "operation=test.kept")
        wanted = [(n, sum(range(1, n + 1))) for n in range(30, 0, -3)]
        assert [(Decimal(row["amount"]), Decimal(row["balance"])) for row in rows] == wanted
        told: list[Decimal] = []
        address = f"{path}?operation=test.kept"
        while address:
            page = (await ops.get(address)).text
            # The first is the balance now.
            told += [one.value for one in figures_of(page).amounts if one.how == "explained"][1:]
            more = NEXT.search(page)
            address = html.unescape(more.group(1)) if more else ""
        assert told == [balance for _, balance in wanted]
        rest: list[tuple[Decimal, Decimal]] = []
        address = f"{API}{path}/statement?operation=test.kept&limit=4"
        while address:
            body = (await ops.get(address)).json()
            assert len(body["data"]) <= 4
            rest += [
                (Decimal(line["amount"]["amount"]), Decimal(line["balance"]["amount"]))
                for line in body["data"]
            ]
            address = body["links"].get("next", "")
        assert rest == wanted

    async def test_is_filtered_by_whole_days(self, seats: Seats, desk: Desk) -> None:
        async with desk.working("ops") as unit:
            book = await a_book()
            client = book.clients[0]
            today = unit.now.date()
            await post_entries(entries=[book.transfer(book.house, client, "5")])
        ops = await seats.of(desk, "ops")
        path = f"/ledger/accounts/{client}"
        tomorrow = today + timedelta(days=1)
        for query, count in [
            (f"from={today}&to={today}", 1),
            (f"from={tomorrow}", 0),
            (f"to={today - timedelta(days=1)}", 0),
            ("operation=nothing", 0),
        ]:
            assert len(await csv_rows(ops, path, query)) == count, query
        assert "No posting matches" in (await ops.get(f"{path}?from={tomorrow}")).text
        assert (await ops.get(f"{path}?from=x")).status_code == 422

    async def test_is_filtered_over_rest_by_instants_with_the_end_left_out(
        self, seats: Seats, desk: Desk
    ) -> None:
        async with desk.working("ops") as unit:
            book = await a_book()
            client = book.clients[0]
            posted = unit.now
            await post_entries(entries=[book.transfer(book.house, client, "5")])
        seat = await seats.of(desk, "compliance")
        path = f"{API}/ledger/accounts/{client}/statement"

        def at(instant: datetime) -> str:
            return quote(instant.isoformat())

        later = at(posted + timedelta(microseconds=1))
        for query, count in [
            (f"from={at(posted)}&to={later}", 1),
            (f"to={at(posted)}", 0),
            (f"from={later}", 0),
            ("operation=te", 1),
            ("operation=nothing", 0),
        ]:
            assert len((await seat.get(f"{path}?{query}")).json()["data"]) == count, query
        for query, code in [
            ("from=2026-03-02T00:00:00", "NO_TIME_ZONE"),
            ("to=0001-01-01T00:00:00%2B14:00", "OUT_OF_RANGE"),
            ("operation=%00", "CONTROL_CHARACTER"),
            ("cursor=x", "NOT_A_CURSOR"),
        ]:
            answer = await seat.get(f"{path}?{query}")
            assert answer.status_code == 422, query
            assert [one["code"] for one in answer.json()["errors"]] == [code], query
        whole = await seat.get(path)
        same = await seat.rest.get(path, headers={"If-None-Match": whole.headers["ETag"]})
        assert same.status_code == 304
        for login in ("member", "rm", "trader", "admin"):
            assert (await (await seats.of(desk, login)).get(path)).status_code == 403, login


class TestStatement:
    async def test_comes_whole_with_every_balance(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answering, "BATCH_ROWS", 7)
        async with desk.working("ops"):
            book = await a_book()
            client = book.clients[0]
            await post_entries(
                entries=[book.transfer(book.house, client, str(n)) for n in range(1, 31)]
            )
        ops = await seats.of(desk, "ops")
        rows = await csv_rows(ops, f"/ledger/accounts/{client}")
        assert len(rows) == 30
        assert Decimal(rows[0]["balance"]) == sum(range(1, 31))
        for later, earlier in pairwise(rows):
            assert Decimal(later["balance"]) - Decimal(later["amount"]) == (
                Decimal(earlier["balance"])
            )
        answer = await taken_out(ops, f"/ledger/accounts/{client}", kind="xlsx")
        assert answer.status_code == 200
        other = await seats.of(desk, "rm")
        assert (await taken_out(other, f"/ledger/accounts/{client}")).status_code == 403


async def test_balances_are_those_of_the_settlement_desk(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    trader = await seats.of(desk, "trader")
    rows = await csv_rows(trader, "/settlement/balances")
    shown = (await trader.get(f"{API}/investments/accounts?limit=200")).json()["data"]
    assert [row["id"] for row in rows] == [account["id"] for account in shown]
    assert [Decimal(row["free"]) for row in rows] == [
        Decimal(account["free"]["amount"]) for account in shown
    ]
    others = await csv_rows(await seats.of(stranger, "trader"), "/settlement/balances")
    assert not {row["id"] for row in rows} & {row["id"] for row in others}
    for login in ("member", "rm"):
        refused = await taken_out(await seats.of(desk, login), "/settlement/balances")
        assert refused.status_code == 403, login


async def test_a_queue_is_taken_out_by_time_left(seats: Seats, desk: Desk) -> None:
    first = await steps.request(desk)
    second = await steps.request(desk, key="growth")
    await steps.request(desk, login="member2")
    rm = await seats.of(desk, "rm")
    page = (await rm.get("/approvals")).text
    form = page.split('action="/redemptions/export"')[1].split("</form>")[0]
    fields = dict(re.findall(r'name="(state|sort)" value="([^"]+)"', form))
    assert fields == {"state": "pending_approval", "sort": "due_at"}
    rows = await csv_rows(rm, "/redemptions", f"state={fields['state']}&sort={fields['sort']}")
    assert [row["id"] for row in rows] == [str(first), str(second)] == ROW.findall(page)[:2]
    trader = (await (await seats.of(desk, "trader")).get("/settlement")).text
    assert 'value="approved,ready,in_transit,payout_failed"' in trader


async def test_kyc_is_taken_out_within_scope(seats: Seats, desk: Desk, stranger: Desk) -> None:
    one, two = str(desk.clients["member"]), str(desk.clients["member2"])
    compliance = await seats.of(desk, "compliance")
    for by in ("expiring", "lapsed", "pending", "refused", "barred"):
        rows = await csv_rows(compliance, "/kyc", f"by={by}&sort=-name")
        page = (await compliance.get(f"/kyc?by={by}&sort=-name")).text
        assert [row["id"] for row in rows] == ROW.findall(page), by
        mine = await csv_rows(await seats.of(desk, "rm"), "/kyc", f"by={by}")
        assert two not in {row["id"] for row in mine}, by
        theirs = await csv_rows(await seats.of(stranger, "compliance"), "/kyc", f"by={by}")
        assert not {row["id"] for row in theirs} & {one, two}, by
    for login in ("member", "trader", "admin"):
        assert (await taken_out(await seats.of(desk, login), "/kyc")).status_code == 403, login
