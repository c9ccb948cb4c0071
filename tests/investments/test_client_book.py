"""The client book: whose clients, in which order, and one with everything that is theirs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.operations.destination_revoke import revoke_destination
from app.domains.investments.operations.redemption_hold import hold_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.queries.client_book import CLIENTS, client, clients
from app.kernel.database import execute, fetch, unit_of_work
from app.kernel.ids import new_id
from app.web import listing
from app.web.shell import Portal
from tests.investments import steps
from tests.investments.amounts_on_pages import figures_of
from tests.security.seats import API, Seats, open_seats
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import drain
from tests.support.exports import about_excel, csv_rows, excel_rows, taken_out

REST = f"{API}/investments/clients"
ROW = re.compile(r'data-row="([^"]+)"')


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def _shown(seats: Seats, desk: Desk, login: str, query: str = "") -> list[str]:
    """The clients on the page, in its order, once the REST twin has been found to agree."""
    seat = await seats.of(desk, login)
    page = await seat.get(f"/clients{query}")
    assert page.status_code == 200, page.text
    rest = await seat.get(REST + query.replace("product=", "product_id="))
    found = list(ROW.findall(page.text))
    assert [row["id"] for row in rest.json()["data"]] == found
    return found


async def _struck(
    desk: Desk, portion: Portion, *, login: str = "member", key: str = "yield"
) -> UUID:
    """What is struck is owed to the client, and no longer held."""
    redemption_id = await steps.request(desk, login=login, key=key, portion=portion)
    await steps.decide(desk, redemption_id, by="rm" if login == "member" else "rm2")
    return redemption_id


class TestTheList:
    async def test_holds_whom_its_reader_serves(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        one, two = str(desk.clients["member"]), str(desk.clients["member2"])
        assert await _shown(seats, desk, "rm") == [one]
        assert await _shown(seats, desk, "rm2") == [two]
        assert await _shown(seats, desk, "ops") == [one, two]
        assert await _shown(seats, desk, "compliance") == [one, two]
        assert not {one, two} & set(await _shown(seats, stranger, "ops"))

    async def test_is_not_there_for_anybody_else(self, seats: Seats, desk: Desk) -> None:
        for login in ("member", "trader", "admin"):
            seat = await seats.of(desk, login)
            for path in ("/clients", REST):
                assert (await seat.get(path)).status_code == 403, (login, path)
            assert 'href="/clients"' not in (await seat.get("/notifications")).text

    async def test_is_filtered_by_name_and_by_product(self, seats: Seats, desk: Desk) -> None:
        one, two = str(desk.clients["member"]), str(desk.clients["member2"])
        async with desk.working("ops"):
            await execute(
                "UPDATE subscription SET state = 'paid' WHERE id = $1",
                desk.subscriptions["member2", "growth"],
            )
        assert await _shown(seats, desk, "ops", "?q=MEMBER2") == [two]
        assert await _shown(seats, desk, "ops", "?q=%25") == []
        assert await _shown(seats, desk, "ops", f"?product={desk.products['growth']}") == [one]
        assert await _shown(seats, desk, "ops", f"?product={desk.products['yield']}") == [one, two]
        assert await _shown(seats, desk, "ops", f"?product={new_id()}") == []
        page = await (await seats.of(desk, "ops")).get("/clients?q=nobody")
        assert "No client matches" in page.text

    async def test_puts_the_largest_first_where_it_is_asked_to(
        self, seats: Seats, desk: Desk
    ) -> None:
        one, two = str(desk.clients["member"]), str(desk.clients["member2"])
        await _struck(desk, Portion(units="10"))
        assert await _shown(seats, desk, "ops", "?sort=-worth") == [two, one]
        await _struck(desk, Portion(units="20"), login="member2", key="growth")
        assert await _shown(seats, desk, "ops", "?sort=-worth") == [one, two]

    @pytest.mark.parametrize("sort", ["name", "-name", "worth", "-worth", "open", "-open"])
    async def test_has_pages_that_follow_each_other(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch, sort: str
    ) -> None:
        await steps.request(desk)
        everybody = await _shown(seats, desk, "ops", f"?sort={sort}")
        monkeypatch.setattr(listing, "PAGE_SIZE", 1)
        ops = await seats.of(desk, "ops")
        found, path, rest = [], f"/clients?sort={sort}", f"{REST}?sort={sort}&limit=1"
        for _ in everybody:
            page, answer = await ops.get(path), (await ops.get(rest)).json()
            found += ROW.findall(page.text)
            assert [row["id"] for row in answer["data"]] == found[-1:]
            links = re.findall(r'href="([^"]+)" rel="next"', page.text)
            path = links[0].replace("&amp;", "&") if links else ""
            rest = answer["links"].get("next", "")
        assert (found, path, rest) == (everybody, "", "")

    async def test_a_cursor_of_another_tenants_list_shows_nothing_of_it(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        ops = await seats.of(stranger, "ops")
        seat = await seats.of(desk, "rm")
        for sort in ("name", "worth"):
            body = (await ops.get(f"{REST}?sort={sort}&limit=1")).json()
            cursor = body["meta"]["page"]["next_cursor"]
            answer = await seat.get(f"{REST}?sort={sort}&cursor={cursor}")
            assert {row["id"] for row in answer.json()["data"]} <= {str(desk.clients["member"])}

    async def test_is_taken_out_as_it_is_filtered_and_sorted(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        await _struck(desk, Portion(units="10"))
        one, two = str(desk.clients["member"]), str(desk.clients["member2"])
        ops = await seats.of(desk, "ops")
        for query, wanted in [
            ("sort=-worth", [two, one]),
            ("sort=worth", [one, two]),
            ("sort=-open", [one, two]),
            ("q=member2", [two]),
            (f"product={desk.products['yield']}&sort=-name", [two, one]),
            ("q=nobody", []),
        ]:
            rows = await csv_rows(ops, "/clients", query)
            assert [row["id"] for row in rows] == wanted, query
            assert [row["Id"] for row in await excel_rows(ops, "/clients", query)] == wanted
        for who, login, wanted in [(desk, "rm", [one]), (desk, "rm2", [two])]:
            rows = await csv_rows(await seats.of(who, login), "/clients")
            assert [row["id"] for row in rows] == wanted
        others = await csv_rows(await seats.of(stranger, "ops"), "/clients")
        assert not {row["id"] for row in others} & {one, two}
        for login in ("member", "trader", "admin"):
            assert (await taken_out(await seats.of(desk, login), "/clients")).status_code == 403

    async def test_its_file_names_the_product_of_the_filter(self, seats: Seats, desk: Desk) -> None:
        product = desk.products["yield"]
        ops = await seats.of(desk, "ops")
        answer = await taken_out(ops, "/clients", f"product={product}", kind="xlsx")
        told = about_excel(answer.content)["Filter: product"]
        assert told and told != str(product)


class TestWorth:
    async def _rest(self, seats: Seats, desk: Desk, login: str = "rm") -> dict[str, Any]:
        answer = await (await seats.of(desk, login)).get(REST)
        found: dict[str, Any] = answer.json()["data"][0]
        return found

    async def test_is_what_the_client_sees_themself(self, seats: Seats, desk: Desk) -> None:
        await steps.request(desk, portion=Portion(units="1000"))
        member = await seats.of(desk, "member")
        held = (await member.get(f"{API}/investments/subscriptions")).json()["data"]
        row = await self._rest(seats, desk)
        assert row["worth"] == sorted(
            (view["value"] for view in held), key=lambda money: str(money["currency"])
        )
        together = sum(Decimal(view["value"]["amount"]) for view in held)
        assert row["worth_usd"] == {"amount": f"{together:.2f}", "currency": "USD"}
        assert row["subscriptions"] == 2
        assert row["redemptions_open"] == 1

    async def test_counts_what_is_locked_and_not_what_is_struck(
        self, seats: Seats, desk: Desk
    ) -> None:
        for key in ("yield", "growth"):
            await steps.request(desk, key=key)
        row = await self._rest(seats, desk)
        assert row["worth"] == [
            {"amount": "49500.00", "currency": "USDC"},
            {"amount": "50000.00", "currency": "USDT"},
        ]
        held = (
            await (await seats.of(desk, "member")).get(f"{API}/investments/subscriptions")
        ).json()
        assert {view["units"] for view in held["data"]} == {"0.00000000"}
        assert {view["free_value"]["amount"] for view in held["data"]} == {"0.00"}
        async with desk.working("ops"):
            waiting = await fetch("SELECT id FROM redemption")
        for found in waiting:
            await steps.decide(desk, found["id"])
        row = await self._rest(seats, desk)
        assert {money["amount"] for money in row["worth"]} == {"0.00"}
        page = await (await seats.of(desk, "rm")).get("/clients")
        assert [one.how for one in figures_of(page.text).amounts if not one.value]
        assert ">0.00" not in page.text

    async def test_is_ordered_by_what_is_shown(self, desk: Desk) -> None:
        """The order is computed by the database, what is shown is not: they must agree."""
        await _struck(desk, Portion(units="123.45678901"))
        await steps.request(desk, login="member2", key="growth", portion=Portion(units="7"))
        async with unit_of_work(
            tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True
        ) as unit:
            for days in (0, 1, 97, 400):
                unit.now += timedelta(days=days)
                found = await clients(order=CLIENTS.order("-worth"))
                worth = [row.worth.usd for row in found if row.worth is not None]
                assert worth == sorted(worth, reverse=True)
                assert worth[0] > worth[1]

    async def test_says_that_a_price_is_old_or_missing(self, seats: Seats, desk: Desk) -> None:
        rm = await seats.of(desk, "rm")
        assert "old price" not in (await rm.get("/clients")).text
        async with desk.working("ops"):
            await execute("UPDATE asset_price SET as_of = as_of - interval '16 minutes'")
        assert "old price" in (await rm.get("/clients")).text
        async with desk.working("ops"):
            await execute("UPDATE asset_price SET asset = 'XYZ' WHERE asset = 'USDC'")
        assert "no price" in (await rm.get("/clients")).text
        assert (await self._rest(seats, desk))["worth_usd"] is None
        page = await rm.get(f"/clients/{desk.clients['member']}")
        assert "an asset has no price" in page.text
        assert await _shown(seats, desk, "rm", "?sort=-worth") == [str(desk.clients["member"])]


class TestOneClient:
    async def test_is_not_there_for_whoever_does_not_serve_them(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        for who, login in [(desk, "rm2"), (stranger, "rm"), (stranger, "ops")]:
            seat = await seats.of(who, login)
            for path in (f"/clients/{desk.clients['member']}", f"{REST}/{desk.clients['member']}"):
                assert (await seat.get(path)).status_code == 404, (login, path)

    async def test_shows_holdings_requests_history_and_destinations(
        self, seats: Seats, desk: Desk, sandbox: Control
    ) -> None:
        paid = await steps.request(desk, portion=Portion(units="100"))
        await steps.decide(desk, paid, note="Known for years")
        await steps.ready(desk, paid)
        await drain()
        held = await steps.request(desk, key="growth", portion=Portion(units="5"))
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=held, note="Sanctions <hit>")
        async with desk.working("member"):
            await revoke_destination(destination_id=desk.destinations["member", "yield"])
        net = (await steps.seen(desk, paid)).amounts.net
        for login in ("rm", "ops", "compliance"):
            seat = await seats.of(desk, login)
            page = (await seat.get(f"/clients/{desk.clients['member']}")).text
            for text in (
                *("Yield", "Growth", "Known for years", "Sanctions &lt;hit&gt;"),
                *("Deposit confirmed", "1 on hold", "Revoked", "Usable", desk.email("member")),
                f"/redemptions/{paid}",
                f"/redemptions/{held}",
            ):
                assert text in page, (login, text)
            answer = await seat.get(f"{REST}/{desk.clients['member']}")
            data = answer.json()["data"]
            assert data["standing"] == data["standing"] | {
                "open": 1,
                "on_hold": 1,
                "completed": 1,
                "rejected": 0,
                "paid": [{"amount": f"{net:.2f}", "currency": "USDT"}],
            }
            assert {row["id"] for row in data["redemptions"]} == {str(paid), str(held)}
            assert data["history"][0]["event"] == "held"
            assert [event["event"] for event in data["history"]].count("deposited") == 2
            assert data["relationship_manager"] == "Rm"
        async with desk.working("ops"):
            rows = await client(client_id=desk.clients["member"])
        assert all("…" in destination.address_masked for destination in rows.destinations)

    async def test_says_what_will_appear_where_there_is_nothing(
        self, seats: Seats, desk: Desk
    ) -> None:
        async with desk.working("ops"):
            await execute("UPDATE subscription SET state = 'paid'")
        page = (await (await seats.of(desk, "rm")).get(f"/clients/{desk.clients['member']}")).text
        for text in (
            "Nothing held",
            "No requests yet",
            "Ended before:",
            "Deposit confirmed",
        ):
            assert text in page, text

    async def test_is_told_when_something_of_theirs_moves(self, seats: Seats, desk: Desk) -> None:
        page = (await (await seats.of(desk, "rm")).get(f"/clients/{desk.clients['member']}")).text
        assert f'data-live-topics="client:{desk.people["member"].id}"' in page


async def test_its_regions_can_be_asked_for_alone(seats: Seats, desk: Desk) -> None:
    browser = (await seats.of(desk, "rm")).browser
    one = f"/clients/{desk.clients['member']}"
    for path, block in (("/clients", "rows"), (one, "client")):
        answer = await browser.get(path, headers={"X-Block": block})
        assert answer.status_code == 200, path
        assert f'data-live-block="{block}"' in answer.text and "<html" not in answer.text


async def test_search_leads_to_the_clients_page_where_it_may_be_opened(
    seats: Seats, desk: Desk
) -> None:
    address = f'href="/clients/{desk.clients["member"]}"'
    for login, leads in {"rm": True, "ops": True, "member": False}.items():
        page = (await (await seats.of(desk, login)).get("/search?q=member")).text
        assert (address in page) is leads, login
