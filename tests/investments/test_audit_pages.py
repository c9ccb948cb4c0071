"""The audit trail as compliance searches and exports it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from app.kernel import audit
from app.kernel.audit.queries import AuditFilter, records
from app.kernel.ids import new_id
from app.web.shell import Portal
from tests.security.seats import Seats, open_seats
from tests.support.desk import Desk, standing_in
from tests.support.exports import csv_rows

ROW = re.compile(r'data-row="([^"]+)"')
CURSOR = re.compile(r"cursor=([^\"&]+)")


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def _record(desk: Desk, *actions: str, **given: Any) -> None:
    async with desk.working("ops"):
        for action in actions:
            values = {"subject_kind": "thing", "subject_id": new_id()} | given
            await audit.record(action=action, **values)


async def _export(seats: Seats, desk: Desk, **filters: str) -> list[dict[str, str]]:
    seat = await seats.of(desk, "compliance")
    return await csv_rows(seat, "/audit", urlencode(filters))


class TestSearch:
    async def test_is_for_whom_may_read_the_trail(self, seats: Seats, desk: Desk) -> None:
        for login in ("member", "rm", "trader", "ops", "admin", "compliance"):
            seat = await seats.of(desk, login)
            status = 200 if login == "compliance" else 403
            assert (await seat.get("/audit")).status_code == status, login
            answer = await seat.browser.post_form("/audit/export")
            assert answer.status_code == status, login
            start = await seat.browser.get("/notifications")
            assert ('href="/audit"' in start.text) is (status == 200), login

    async def test_filters_by_actor_action_subject_day_and_words(
        self, seats: Seats, desk: Desk
    ) -> None:
        subject = new_id()
        await _record(desk, "tale.told", subject_kind="tale", subject_id=subject)
        await _record(desk, "tale.heard", "other.told")
        seat = await seats.of(desk, "compliance")
        ops = desk.people["ops"].id
        async with desk.working("compliance"):
            every = await records(limit=200)
            [told] = await records(chosen=AuditFilter(subject_id=subject))
        today = told.recorded_at.date()
        tomorrow = today + timedelta(days=1)
        for query, wanted in {
            f"actor={ops}": [row for row in every if row.actor_id == ops],
            "actor=OPS": [row for row in every if row.actor_name == "Ops"],
            "action=tale.": [row for row in every if row.action.startswith("tale.")],
            "q=.told": [row for row in every if row.action.endswith(".told")],
            "action=tale&q=told": [told],
            "subject_kind=tale": [told],
            f"subject={subject}": [told],
            f"q=told&from={today}&to={today}": [row for row in every if ".told" in row.action],
            f"q=told&from={tomorrow}": [],
            f"q=told&to={today - timedelta(days=1)}": [],
        }.items():
            page = await seat.get(f"/audit?{query}")
            found = ROW.findall(page.text)
            assert found == [str(row.id) for row in wanted][:50], query
            assert ("No record matches" in page.text) is (not wanted), query

    async def test_opens_before_and_after_masked_as_they_were_recorded(
        self, seats: Seats, desk: Desk
    ) -> None:
        await _record(
            desk,
            "tale.told",
            before={"state": "quiet", "email": "ada@example.com"},
            after={"state": "<b>loud</b>", "iban": "DE89370400440532013000"},
        )
        page = await (await seats.of(desk, "compliance")).get("/audit?q=tale.told")
        assert '<del>"quiet"</del>' in page.text
        assert "a***@example.com" in page.text
        assert "***3000" in page.text
        for hidden in ("<b>loud", "ada@", "DE8937"):
            assert hidden not in page.text

    async def test_goes_on_from_page_to_page_under_the_same_filter(
        self, seats: Seats, desk: Desk
    ) -> None:
        await _record(desk, *[f"tale.number_{number}" for number in range(60)], "other")
        seat = await seats.of(desk, "compliance")
        first = await seat.get("/audit?action=tale")
        cursor = CURSOR.search(first.text)
        assert cursor is not None
        second = await seat.get(f"/audit?action=tale&cursor={cursor.group(1)}")
        pages = [ROW.findall(first.text), ROW.findall(second.text)]
        assert [len(page) for page in pages] == [50, 10]
        assert len({*pages[0], *pages[1]}) == 60
        assert "action=tale&amp;cursor" in first.text

    async def test_shows_nothing_of_another_tenant(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        await _record(desk, "tale.told")
        page = await (await seats.of(stranger, "compliance")).get("/audit?action=tale")
        assert ROW.findall(page.text) == []
        assert await _export(seats, stranger, action="tale") == []


class TestExport:
    async def test_holds_exactly_what_is_filtered_however_long(
        self, seats: Seats, desk: Desk
    ) -> None:
        await _record(desk, *[f"tale.number_{number}" for number in range(205)], "other")
        rows = await _export(seats, desk, action="tale")
        assert [row["action"] for row in rows] == [
            f"tale.number_{number}" for number in reversed(range(205))
        ]
        assert len(await _export(seats, desk, action="tale", q="_204")) == 1

    async def test_leaves_a_record_that_is_not_in_it(self, seats: Seats, desk: Desk) -> None:
        rows = await _export(seats, desk, q="export")
        assert rows == []
        async with desk.working("compliance"):
            [left] = await records(chosen=AuditFilter(action="audit.export"))
        assert left.actor_id == desk.people["compliance"].id
        assert left.after == {
            "format": "csv",
            "filters": {"q": "export"},
            "sort": "-recorded_at",
            "rows": 0,
        }

    async def test_is_no_formula_in_a_spreadsheet(self, seats: Seats, desk: Desk) -> None:
        for start in "=+-@\t":
            desk.people["ops"] = standing_in(desk.people["ops"], name=f"{start}1+1")
            await _record(desk, "tale.told", after={"note": "=1+1"})
        rows = await _export(seats, desk, action="tale")
        assert [row["actor_name"] for row in rows] == [f"'{start}1+1" for start in "\t@-+="]
        assert {row["after"] for row in rows} == {'{"note":"=1+1"}'}

    async def test_of_a_bad_filter_is_refused_and_leaves_nothing(
        self, seats: Seats, desk: Desk
    ) -> None:
        seat = await seats.of(desk, "compliance")
        answer = await seat.browser.post_form("/audit/export", {"from": "soon"})
        assert answer.status_code == 422
        async with desk.working("compliance"):
            assert await records(chosen=AuditFilter(action="audit.export")) == []
