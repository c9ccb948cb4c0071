"""Where a client is paid to: added with a checksum and a wait, revoked with its consequence shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.values import RedemptionState
from app.kernel.database import execute, fetch, fetch_value
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import API, Seat, Seats, open_seats
from tests.security.traces import digests, nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.drain import advance, drain

REST = f"{API}/investments/destinations"
# Of EIP-55's own test cases.
CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
IBAN = "GB29 NWBK 6016 1331 9268 19"
ROW = re.compile(r'data-row="([^"]+)"')


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


@pytest.fixture
async def member(seats: Seats, desk: Desk) -> Seat:
    return await seats.of(desk, "member")


def wallet(**changes: Any) -> dict[str, Any]:
    return {
        "label": "Cold wallet",
        "kind": "wallet",
        "asset": "USDT",
        "network": "ethereum",
        "address": CHECKSUMMED,
    } | changes


async def _address(desk: Desk, destination_id: str) -> str:
    async with desk.working("ops"):
        found: str = await fetch_value(
            "SELECT address FROM destination WHERE id = $1", UUID(destination_id)
        )
    return found


async def _told(desk: Desk, login: str, event: str) -> list[tuple[str, str]]:
    async with desk.working("ops"):
        rows = await fetch(
            "SELECT title, body FROM notification WHERE recipient_id = $1 AND event_type = $2"
            " ORDER BY id",
            desk.people[login].id,
            event,
        )
    return [(row["title"], row["body"]) for row in rows]


class TestAdd:
    async def test_waits_24_hours_and_can_then_be_used(
        self, member: Seat, desk: Desk, seats: Seats
    ) -> None:
        answer = await member.post("/destinations", wallet())
        assert (answer.status_code, answer.headers["location"]) == (303, "/destinations")
        added = (await member.get(REST)).json()["data"][-1]
        assert added["state"] == "pending"
        page = (await member.get("/destinations")).text
        assert f'id="wait-{added["id"]}"' in page and "Cold wallet" in page
        assert CHECKSUMMED not in page and "0x5a…eAed" in page
        body = {
            "subscription_id": str(desk.subscriptions["member", "yield"]),
            "destination_id": added["id"],
            "units": "1",
        }
        refused = await member.post(f"{API}/investments/redemptions", body)
        assert refused.json()["errors"][0]["code"] == "NOT_USABLE"
        await advance(hours=24)
        # A session does not live on business time, but its access token may have run out.
        member = await seats.fresh(desk, "member")
        assert (await member.get(REST)).json()["data"][-1]["state"] == "usable"
        assert f'id="wait-{added["id"]}"' not in (await member.get("/destinations")).text
        assert (await member.post(f"{API}/investments/redemptions", body)).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "kept"),
        [
            ({"address": CHECKSUMMED.lower()}, CHECKSUMMED),
            ({"address": "0x" + CHECKSUMMED[2:].upper()}, CHECKSUMMED),
            ({"address": f" {CHECKSUMMED} "}, CHECKSUMMED),
            ({"kind": "bank", "network": None, "address": IBAN}, IBAN.replace(" ", "")),
            ({"kind": "bank", "network": None, "address": IBAN.lower()}, IBAN.replace(" ", "")),
        ],
    )
    async def test_keeps_the_address_as_it_is_written(
        self, member: Seat, desk: Desk, changes: dict[str, Any], kept: str
    ) -> None:
        answer = await member.post(REST, wallet(**changes))
        assert answer.status_code == 201, answer.text
        assert await _address(desk, answer.json()["data"]["id"]) == kept

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"address": CHECKSUMMED.replace("5aA", "5aa")}, "address", "WRONG_CHECKSUM"),
            ({"address": CHECKSUMMED[:-1]}, "address", "NOT_AN_ADDRESS"),
            ({"address": CHECKSUMMED[2:]}, "address", "NOT_AN_ADDRESS"),
            ({"address": IBAN}, "address", "NOT_AN_ADDRESS"),
            ({"address": f"0x{'0' * 40}"}, "address", "NOT_AN_ADDRESS"),
            ({"network": "polygon"}, "network", "UNKNOWN_NETWORK"),
            ({"network": ""}, "network", "REQUIRED"),
            ({"asset": "XYZ"}, "asset", "NOT_AN_ASSET"),
            ({"kind": "boat"}, "kind", "UNKNOWN_KIND"),
            ({"label": " "}, "label", "REQUIRED"),
            ({"kind": "bank"}, "address", "NOT_AN_ADDRESS"),
            ({"kind": "bank", "address": IBAN.replace("29", "28")}, "address", "WRONG_CHECKSUM"),
        ],
    )
    async def test_is_refused_by_page_and_by_rest_with_nothing_written(
        self,
        member: Seat,
        desk: Desk,
        database: DatabaseUrls,
        changes: dict[str, Any],
        field: str,
        code: str,
    ) -> None:
        body = wallet(**changes)
        async with nothing_written(database, desk):
            page = await member.post("/destinations", body)
            if body["kind"] == "bank":
                body["network"] = None
            rest = await member.post(REST, body)
        problem = rest.json()
        assert (rest.status_code, problem["errors"][0]["field"]) == (422, field), problem
        assert problem["errors"][0]["code"] == code
        assert page.status_code == 422
        assert problem["errors"][0]["message"].replace("'", "&#39;") in page.text
        assert f'value="{changes.get("address", CHECKSUMMED)}"' in page.text

    async def test_on_a_network_of_other_addresses_is_kept_as_it_is_written(
        self, member: Seat, desk: Desk
    ) -> None:
        async with desk.working("ops"):
            await execute("UPDATE product SET network = 'tron' WHERE asset = 'USDT'")
        address = "TJRyWwFs9wTFGZg3JbrVriFbNfCug5tDeC"
        for mistyped in (address[:7], f"{address[:-1]}/"):
            refused = await member.post(REST, wallet(network="tron", address=mistyped))
            assert [one["code"] for one in refused.json()["errors"]] == ["NOT_AN_ADDRESS"]
        answer = await member.post(REST, wallet(network="tron", address=address))
        assert await _address(desk, answer.json()["data"]["id"]) == address

    async def test_a_network_is_none_of_a_bank_accounts(self, member: Seat) -> None:
        answer = await member.post(REST, wallet(kind="bank", address=IBAN))
        assert answer.json()["errors"][0]["code"] == "UNKNOWN_NETWORK"

    async def test_the_same_one_twice_or_in_other_letters_is_there_already(
        self, member: Seat
    ) -> None:
        assert (await member.post(REST, wallet())).status_code == 201
        for changes in ({}, {"address": CHECKSUMMED.lower()}, {"label": "Another name"}):
            answer = await member.post(REST, wallet(**changes))
            assert (answer.status_code, answer.json()["code"]) == (409, "DESTINATION_EXISTS")
        page = await member.post("/destinations", wallet())
        assert page.status_code == 409
        assert "You have this destination already" in page.text

    async def test_twenty_times_at_once_is_one(self, member: Seat, desk: Desk) -> None:
        answers = await asyncio.gather(*(member.post(REST, wallet()) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
        async with desk.working("ops"):
            assert (
                await fetch_value(
                    "SELECT count(*) FROM destination WHERE address = $1", CHECKSUMMED
                )
                == 1
            )

    async def test_a_form_sent_twice_under_one_key_adds_once(self, member: Seat) -> None:
        for _ in range(2):
            answer = await member.post("/destinations", wallet(), key="once")
            assert answer.status_code == 303
        assert len((await member.get(REST)).json()["data"]) == 3

    async def test_is_a_clients_affair(self, seats: Seats, desk: Desk) -> None:
        for login in ("rm", "trader", "ops", "compliance", "admin"):
            seat = await seats.of(desk, login)
            for path in ("/destinations", "/destinations/new"):
                assert (await seat.get(path)).status_code == 403, (login, path)
            assert (await seat.post("/destinations", wallet())).status_code == 403, login
            assert 'href="/destinations"' not in (await seat.get("/notifications")).text

    async def test_tells_the_client_and_nobody_else(self, member: Seat, desk: Desk) -> None:
        await member.post(REST, wallet())
        await drain()
        # The desk's own two were told of before.
        told = await _told(desk, "member", "destination.added")
        assert len(told) == 3
        title, body = told[-1]
        assert title == "Destination added"
        assert "Cold wallet (USDT, ethereum, 0x5a…eAed)" in body
        assert "If it was not you" in body
        async with desk.working("ops"):
            mails = await fetch_value(
                "SELECT count(*) FROM job WHERE kind = 'notifications.mail'"
                " AND payload ->> 'recipient_id' = $1"
                " AND payload -> 'context' ->> 'title' = 'Destination added'",
                str(desk.people["member"].id),
            )
        assert mails == 3
        assert len(await _told(desk, "member2", "destination.added")) == 2
        for login in ("rm", "ops"):
            assert await _told(desk, login, "destination.added") == []


class TestRevoke:
    async def test_shows_first_what_it_does(
        self, member: Seat, desk: Desk, sandbox: Control
    ) -> None:
        sent = await steps.request(desk, portion=Portion(units="10"))
        await steps.decide(desk, sent)
        await steps.ready(desk, sent)
        sandbox.next("server_error")
        await drain()
        assert (await steps.seen(desk, sent)).state is RedemptionState.in_transit
        waiting = await steps.request(desk, portion=Portion(units="20"))
        elsewhere = await steps.request(desk, key="growth", portion=Portion(units="30"))
        path = f"/destinations/{desk.destinations['member', 'yield']}"
        page = (await member.get(path)).text
        assert "1 open request to it" in page and "Too late for:" in page
        assert str(elsewhere) not in page
        data = (await member.get(f"{API}/investments{path}/revocation")).json()["data"]
        assert (data["would_hold"], data["would_be_paid"]) == ([str(waiting)], [str(sent)])
        answer = await member.post(f"{path}/revoke")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await member.get(path)).text
        assert "Revoked" in page and "Revoke it" not in page
        states = [(await steps.seen(desk, id_)).state for id_ in (sent, waiting, elsewhere)]
        assert states == ["in_transit", "on_hold", "pending_approval"]

    async def test_twice_changes_nothing_and_shows_what_was_asked_for(
        self, member: Seat, desk: Desk, database: DatabaseUrls
    ) -> None:
        page = f"/destinations/{desk.destinations['member', 'yield']}"
        assert (await member.post(f"{page}/revoke")).status_code == 303
        before = await digests(database, desk)
        again = await member.post(f"{page}/revoke")
        assert (again.status_code, again.headers["location"]) == (303, page)
        assert (await member.post(f"{API}/investments{page}/revoke")).status_code == 404
        # What was answered, so that the same form may be sent once more.
        del before["idempotency_key"]
        assert (await digests(database, desk)).items() >= before.items()

    async def test_of_somebody_else_is_not_there(
        self, seats: Seats, desk: Desk, stranger: Desk, database: DatabaseUrls
    ) -> None:
        path = f"/destinations/{desk.destinations['member', 'yield']}"
        for who, login in [(desk, "member2"), (stranger, "member")]:
            seat = await seats.of(who, login)
            async with nothing_written(database, desk, stranger):
                assert (await seat.get(path)).status_code == 404
                assert (await seat.post(f"{path}/revoke")).status_code == 404

    async def test_leaves_it_on_the_list_and_lets_it_be_added_again_with_its_wait(
        self, member: Seat
    ) -> None:
        first = (await member.post(REST, wallet())).json()["data"]["id"]
        await member.post(f"{REST}/{first}/revoke")
        again = await member.post(REST, wallet())
        assert again.status_code == 201
        assert again.json()["data"]["state"] == "pending"
        found = {row["id"]: row["state"] for row in (await member.get(REST)).json()["data"]}
        assert found[first] == "revoked"
        page = (await member.get("/destinations")).text
        assert ROW.findall(page)[-1] == first, "what is gone comes last"

    async def test_tells_the_client_what_it_held(self, member: Seat, desk: Desk) -> None:
        await steps.request(desk, portion=Portion(units="20"))
        await member.post(f"/destinations/{desk.destinations['member', 'yield']}/revoke")
        await drain()
        [(title, body)] = await _told(desk, "member", "destination.revoked")
        assert title == "Destination revoked"
        assert "One request to it is on hold" in body


async def test_holdings_ask_for_a_destination_where_there_is_none(member: Seat, desk: Desk) -> None:
    assert "Say where you are paid to" not in (await member.get("/holdings")).text
    await member.post(f"/destinations/{desk.destinations['member', 'yield']}/revoke")
    page = (await member.get("/holdings")).text
    assert 'href="/destinations/new?asset=USDT"' in page
    assert 'href="/destinations/new?asset=USDC"' not in page
    form = (await member.get("/destinations/new?asset=USDT")).text
    assert '<option value="USDT" selected>' in form
    await member.post("/destinations", wallet())
    assert "Say where you are paid to" not in (await member.get("/holdings")).text


async def test_its_regions_can_be_asked_for_alone(member: Seat, desk: Desk) -> None:
    one = f"/destinations/{desk.destinations['member', 'yield']}"
    for path, block in (("/destinations", "rows"), (one, "consequence")):
        answer = await member.browser.get(path, headers={"X-Block": block})
        assert answer.status_code == 200, path
        assert f'data-live-block="{block}"' in answer.text and "<html" not in answer.text


async def test_there_is_nothing_to_see_without_any(seats: Seats, desk: Desk) -> None:
    async with desk.working("ops"):
        await execute("UPDATE destination SET client_id = $1", desk.clients["member"])
    page = (await (await seats.of(desk, "member2")).get("/destinations")).text
    assert "Nowhere to be paid to yet" in page
