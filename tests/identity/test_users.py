"""The administrator's desk: who is there, and whose role or access changes."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domains.identity.operations.membership_change import (
    LastAdministrator,
    OwnMembership,
    change_role,
    deactivate_membership,
    reactivate_membership,
)
from app.domains.identity.public import Role
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, unit_of_work
from app.kernel.ids import new_id
from app.web import listing
from app.web.authentication import SESSION_COOKIE, session_viewer
from app.web.live_topics import sign_topics
from app.web.shell import Portal
from app.web.trace import Trace
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.security.traces import nothing_written
from tests.support.client import add_person, sign_in
from tests.support.database import DatabaseUrls, TestTenant
from tests.support.desk import Desk
from tests.support.exports import csv_rows, excel_rows, taken_out
from tests.support.socket import open_socket
from tests.support.waiting import eventually

REST = f"{API}/users"
ROW = re.compile(r'data-row="([^"]+)"')


@pytest.fixture
async def admin(seats: Seats, desk: Desk) -> Seat:
    return await seats.of(desk, "admin")


@pytest.fixture
def rare_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that is started after this looks for ended sessions when it is told to, or never."""
    monkeypatch.setattr("app.web.live_hub.RECHECK_SECONDS", 3600.0)


def _id(desk: Desk, login: str) -> UUID:
    found = desk.people[login].id
    assert found is not None
    return found


async def _shown(seat: Seat, query: str = "") -> list[str]:
    """Who is on the page, in its order, once the REST twin has been found to agree."""
    page, rest = await seat.get(f"/users{query}"), await seat.get(f"{REST}{query}")
    assert page.status_code == 200, page.text
    found = list(ROW.findall(page.text))
    assert [row["id"] for row in rest.json()["data"]] == found
    return found


async def _records(desk: Desk, login: str) -> list[tuple[str, object, object]]:
    async with desk.working("compliance"):
        rows = await fetch(
            "SELECT action, before, after FROM audit_record WHERE subject_id = $1"
            " AND action LIKE 'membership.%' AND action <> 'membership.add' ORDER BY id",
            _id(desk, login),
        )
    return [(row["action"], row["before"], row["after"]) for row in rows]


class TestTheList:
    async def test_holds_everybody_of_the_tenant_by_name(
        self, admin: Seat, desk: Desk, stranger: Desk, seats: Seats
    ) -> None:
        everybody = [str(_id(desk, login)) for login in sorted(desk.people)]
        assert await _shown(admin) == everybody
        other = await _shown(await seats.of(stranger, "admin"))
        assert set(other) == {str(_id(stranger, login)) for login in stranger.people}

    @pytest.mark.parametrize(
        ("query", "logins"),
        [
            ("?q=MEMBER", ["member", "member2"]),
            ("?q=rm2%40", ["rm2"]),
            ("?q=%25", []),
            ("?role=trader", ["trader", "trader2"]),
            ("?role=trader&q=TRADER2", ["trader2"]),
            ("?status=deactivated", ["rm2"]),
            ("?status=active&role=rm", ["rm"]),
        ],
    )
    async def test_is_filtered_in_its_address(
        self, admin: Seat, desk: Desk, query: str, logins: list[str]
    ) -> None:
        await admin.post(f"{REST}/{_id(desk, 'rm2')}/deactivate")
        assert await _shown(admin, query) == [str(_id(desk, login)) for login in logins]

    async def test_has_pages_that_follow_each_other(
        self, admin: Seat, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        everybody = await _shown(admin)
        monkeypatch.setattr(listing, "PAGE_SIZE", 4)
        found: list[str] = []
        path, rest = "/users?q=e", f"{REST}?q=e&limit=4"
        while path:
            page, answer = await admin.get(path), (await admin.get(rest)).json()
            rows = ROW.findall(page.text)
            assert [row["id"] for row in answer["data"]] == rows
            found += rows
            links = re.findall(r'href="([^"]+)" rel="next"', page.text)
            path = links[0].replace("&amp;", "&") if links else ""
            rest = answer["links"].get("next", "")
        assert found == everybody, "each of them has an e in name or address"

    @pytest.mark.parametrize("sort", ["name", "role", "status", "last_sign_in_at"])
    async def test_is_sorted_both_ways_and_taken_out_so(
        self, admin: Seat, desk: Desk, sort: str
    ) -> None:
        rising = await _shown(admin, f"?sort={sort}")
        assert len(set(rising)) == len(desk.people)
        assert await _shown(admin, f"?sort=-{sort}") == rising[::-1]
        rows = await csv_rows(admin, "/users", f"sort={sort}")
        assert [row["id"] for row in rows] == rising
        rest = (await admin.get(f"{REST}?sort={sort}")).json()["data"]
        assert [row["id"] for row in rest] == rising

    async def test_is_taken_out_as_it_is_filtered_by_administrators_alone(
        self, admin: Seat, desk: Desk, seats: Seats
    ) -> None:
        rows = await excel_rows(admin, "/users", "role=trader")
        assert [row["Id"] for row in rows] == [
            str(_id(desk, login)) for login in ("trader", "trader2")
        ]
        for login in ("member", "rm", "trader", "ops", "compliance"):
            refused = await taken_out(await seats.of(desk, login), "/users")
            assert refused.status_code == 403, login

    async def test_says_who_signed_in_when(self, admin: Seat, desk: Desk, seats: Seats) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        answer = (await admin.get(f"{REST}/{_id(desk, 'rm')}")).json()["data"]
        assert (answer["last_sign_in_at"], answer["open_sessions"]) == (None, 0)
        assert "never" in (await admin.get(f"/users/{_id(desk, 'rm')}")).text
        await seats.of(desk, "rm")
        answer = (await admin.get(f"{REST}/{_id(desk, 'rm')}")).json()["data"]
        assert datetime.fromisoformat(answer["last_sign_in_at"]) >= before
        assert answer["open_sessions"] == 2, "a browser's, and one over REST"

    async def test_is_the_administrators_alone(self, seats: Seats, desk: Desk) -> None:
        somebody = _id(desk, "rm2")
        for login in ("member", "rm", "trader", "ops", "compliance"):
            seat = await seats.of(desk, login)
            for path in ("/users", f"/users/{somebody}", REST, f"{REST}/{somebody}"):
                assert (await seat.get(path)).status_code == 403, (login, path)
            for step in ("role", "deactivate", "reactivate"):
                for path in (f"/users/{somebody}/{step}", f"{REST}/{somebody}/{step}"):
                    answer = await seat.post(path, {"role": "admin"} if step == "role" else None)
                    assert answer.status_code == 403, (login, path)
            assert 'href="/users"' not in (await seat.get("/notifications")).text

    async def test_is_where_administrators_begin(self, admin: Seat) -> None:
        assert (await admin.get("/")).headers["location"] == "/users"


class TestChangeRole:
    async def test_counts_at_the_next_request_and_is_on_record(
        self, admin: Seat, desk: Desk, seats: Seats
    ) -> None:
        manager = await seats.of(desk, "rm")
        assert (await manager.get("/approvals")).status_code == 200
        path = f"/users/{_id(desk, 'rm')}"
        answer = await admin.post(f"{path}/role", {"role": "trader"})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert (await manager.get("/approvals")).status_code == 403
        assert (await manager.get("/settlement")).status_code == 200
        await admin.post(f"{path}/role", {"role": "trader"})
        assert await _records(desk, "rm") == [
            ("membership.change_role", {"role": "rm"}, {"role": "trader"})
        ]

    async def test_an_unknown_role_is_named(
        self, admin: Seat, desk: Desk, database: DatabaseUrls
    ) -> None:
        path = f"/users/{_id(desk, 'rm')}/role"
        async with nothing_written(database, desk):
            for role in ("", "owner", "ADMIN"):
                page = await admin.post(path, {"role": role})
                rest = await admin.post(f"{API}{path}", {"role": role})
                assert (page.status_code, rest.status_code) == (422, 422)
                assert rest.json()["errors"][0]["code"] == "UNKNOWN_ROLE"
                assert "One of member, rm" in page.text

    async def test_says_what_hangs_on_them(self, admin: Seat, desk: Desk) -> None:
        await steps.request(desk)
        page = (await admin.get(f"/users/{_id(desk, 'rm')}")).text
        assert re.search(r"Clients they serve</dt><dd>1<", page)
        assert "<strong>1 request</strong> waits for them" in page
        page = (await admin.get(f"/users/{_id(desk, 'member')}")).text
        assert "<strong>1 request of their own</strong> goes on" in page
        page = (await admin.get(f"/users/{_id(desk, 'rm2')}")).text
        assert re.search(r"Requests that wait for them</dt><dd>—<", page)


class TestDeactivate:
    async def test_ends_sessions_and_tokens_at_once_and_signing_in(
        self, admin: Seat, portal: Portal, tenant: TestTenant, desk: Desk, browser, seats: Seats
    ) -> None:
        person = await add_person(desk.tenant_id, "rm", name="Leaving Soon")
        assert (await sign_in(browser, tenant.slug, person.email)).status_code == 303
        login = {"tenant": tenant.slug, "email": person.email, "password": "Correct-horse-7"}
        tokens = (await browser.post(f"{API}/auth/login", json=login)).json()
        answer = await admin.post(f"{REST}/{person.membership_id}/deactivate")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "deactivated")
        assert answer.json()["data"]["open_sessions"] == 0
        assert (await browser.get("/notifications")).status_code == 303
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await browser.get(f"{API}/me", headers=bearer)).status_code == 401
        refresh = {"refresh_token": tokens["refresh_token"]}
        assert (await browser.post(f"{API}/auth/refresh", json=refresh)).status_code == 401
        assert (await sign_in(browser, tenant.slug, person.email)).status_code == 422
        answer = await admin.post(f"{REST}/{person.membership_id}/reactivate")
        assert answer.json()["data"]["status"] == "active"
        assert (await browser.get("/notifications")).status_code == 303, "what ended stays ended"
        assert (await sign_in(browser, tenant.slug, person.email)).status_code == 303

    async def test_closes_their_open_pages_at_once(
        self, rare_look: None, portal: Portal, admin: Seat, desk: Desk, seats: Seats
    ) -> None:
        trader, other = await seats.of(desk, "trader"), await seats.of(desk, "trader2")
        viewer = await session_viewer(trader.secret, Trace(request_id="", address=""), is_use=False)
        kept = await session_viewer(other.secret, Trace(request_id="", address=""), is_use=False)
        assert viewer is not None and kept is not None
        cookies = {SESSION_COOKIE: trader.secret}
        async with (
            open_socket(portal, sign_topics(viewer, ["a"]), cookies=cookies) as socket,
            open_socket(
                portal, sign_topics(kept, ["users"]), cookies={SESSION_COOKIE: other.secret}
            ) as stays,
        ):
            hub = portal.litestar.state.hub

            async def open_pages() -> int:
                return sum(hub.sockets_of(one.actor.id) for one in (viewer, kept))

            await eventually(open_pages, 2, within_seconds=5)
            async with asyncio.timeout(5):
                await admin.post(f"/users/{_id(desk, 'trader')}/deactivate")
                assert await socket.closed() == 4401
            assert (await stays.next())["topics"] == ["users"]

    async def test_twice_is_on_record_once(self, admin: Seat, desk: Desk) -> None:
        for _ in range(2):
            answer = await admin.post(f"/users/{_id(desk, 'rm')}/deactivate")
            assert answer.status_code == 303
        page = (await admin.get(f"/users/{_id(desk, 'rm')}")).text
        assert "Give the access back" in page and "End their access" not in page
        for _ in range(2):
            await admin.post(f"/users/{_id(desk, 'rm')}/reactivate")
        assert await _records(desk, "rm") == [
            ("membership.deactivate", {"status": "active"}, {"status": "deactivated"}),
            ("membership.reactivate", {"status": "deactivated"}, {"status": "active"}),
        ]


class TestWhatIsRefused:
    async def test_oneself(self, admin: Seat, desk: Desk, database: DatabaseUrls) -> None:
        path = f"/users/{_id(desk, 'admin')}"
        page = (await admin.get(path)).text
        assert "This is you" in page and "Change role" not in page
        async with nothing_written(database, desk):
            for step, body in [("role", {"role": "rm"}), ("deactivate", {}), ("reactivate", {})]:
                answer = await admin.post(f"{path}/{step}", body)
                assert answer.status_code == 403 and "another administrator does" in answer.text
                rest = await admin.post(f"{API}{path}/{step}", body or None)
                assert (rest.status_code, rest.json()["code"]) == (403, "OWN_MEMBERSHIP")

    async def test_somebody_elses_people(
        self, admin: Seat, desk: Desk, stranger: Desk, database: DatabaseUrls
    ) -> None:
        async with nothing_written(database, desk, stranger):
            for id_ in (_id(stranger, "rm"), new_id()):
                assert (await admin.get(f"/users/{id_}")).status_code == 404
                assert (await admin.get(f"{REST}/{id_}")).status_code == 404
                for step in ("role", "deactivate", "reactivate"):
                    body = {"role": "admin"} if step == "role" else None
                    assert (await admin.post(f"/users/{id_}/{step}", body)).status_code == 404
                    assert (await admin.post(f"{REST}/{id_}/{step}", body)).status_code == 404

    async def test_the_last_administrator(self, desk: Desk, database: DatabaseUrls) -> None:
        async with nothing_written(database, desk):
            for change in (
                lambda id_: change_role(membership_id=id_, role=Role.rm),
                lambda id_: deactivate_membership(membership_id=id_),
            ):
                with pytest.raises(LastAdministrator):
                    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
                        await change(_id(desk, "admin"))
        second = await add_person(desk.tenant_id, "admin")
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            await deactivate_membership(membership_id=_id(desk, "admin"))
        # One that cannot sign in is none.
        with pytest.raises(LastAdministrator):
            async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
                await change_role(membership_id=second.membership_id, role=Role.rm)
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            await change_role(membership_id=_id(desk, "admin"), role=Role.rm)

    @pytest.mark.parametrize("way", ["deactivate", "role"])
    async def test_two_administrators_against_each_other_leave_one(
        self, admin: Seat, desk: Desk, seats: Seats, way: str
    ) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            await change_role(membership_id=_id(desk, "trader2"), role=Role.admin)
        for _ in range(5):
            other = await seats.fresh(desk, "trader2")
            first = await seats.fresh(desk, "admin")
            body = {"role": "rm"} if way == "role" else None
            answers = await asyncio.gather(
                first.post(f"{REST}/{_id(desk, 'trader2')}/{way}", body),
                other.post(f"{REST}/{_id(desk, 'admin')}/{way}", body),
            )
            statuses = sorted(answer.status_code for answer in answers)
            # The second was refused for being the last, or found that they are nobody any more.
            assert statuses[0] == 200 and statuses[1] in (401, 403, 409), statuses
            async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
                rows = await fetch(
                    "SELECT id FROM membership WHERE role = 'admin' AND status = 'active'"
                )
                assert len(rows) == 1
                for login in ("admin", "trader2"):
                    await reactivate_membership(membership_id=_id(desk, login))
                    await change_role(membership_id=_id(desk, login), role=Role.admin)

    async def test_in_one_transaction_each_the_second_sees_what_the_first_did(
        self, desk: Desk
    ) -> None:
        """The race itself, without the web's chance to refuse earlier."""
        async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
            await change_role(membership_id=_id(desk, "trader2"), role=Role.admin)

        async def end(login: str, whom: str) -> None:
            async with desk.working(login):
                await deactivate_membership(membership_id=_id(desk, whom))

        for _ in range(10):
            results = await asyncio.gather(
                end("admin", "trader2"), end("trader2", "admin"), return_exceptions=True
            )
            assert [type(result) for result in results if result] == [LastAdministrator]
            async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
                for login in ("admin", "trader2"):
                    await reactivate_membership(membership_id=_id(desk, login))


async def test_nobody_takes_their_own_access(desk: Desk) -> None:
    for change in (deactivate_membership, reactivate_membership):
        with pytest.raises(OwnMembership):
            async with desk.working("admin"):
                await change(membership_id=_id(desk, "admin"))


async def test_its_regions_can_be_asked_for_alone(admin: Seat, desk: Desk) -> None:
    for path, block in (("/users", "rows"), (f"/users/{_id(desk, 'rm')}", "user")):
        answer = await admin.browser.get(path, headers={"X-Block": block})
        assert answer.status_code == 200, path
        assert f'data-live-block="{block}"' in answer.text and "<html" not in answer.text
