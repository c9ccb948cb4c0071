"""The list of redemptions: filtered and sorted by its address, and taken out exactly so."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_quote import Portion
from app.kernel.audit.queries import AuditFilter, records
from app.kernel.audit.values import AuditRecordView
from app.kernel.database import execute, fetch_row
from app.web import listing
from app.web.export import answering
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.security.traces import nothing_written
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.exports import about_excel, csv_rows, excel_rows, taken_out

ROW = re.compile(r'data-row="([^"]+)"')
NEXT = re.compile(r'href="([^"]+)" rel="next"')
SORTS = ["requested_at", "reference", "client", "product", "state", "gross", "net", "due_at"]
REST = f"{API}/investments/redemptions"


async def some(desk: Desk) -> list[str]:
    """Six requests of two clients, in three states, two and two of them of the same amount."""
    made = []
    for login, key, units in [
        ("member", "yield", "100"),
        ("member", "growth", "30"),
        ("member2", "yield", "250.5"),
        ("member2", "growth", "30"),
        ("member2", "yield", "9"),
        ("member", "yield", "100"),
    ]:
        made.append(await steps.request(desk, login=login, key=key, portion=Portion(units=units)))
        if len(made) == 1:
            await steps.decide(desk, made[0])
    await steps.decide(desk, made[2], by="rm2", decision="reject", note="No")
    return [str(redemption_id) for redemption_id in made]


async def walked(seat: Seat, path: str) -> list[str]:
    """The ids on the page at `path` and on all that follow it."""
    found: list[str] = []
    while path:
        answer = await seat.get(path)
        assert answer.status_code == 200, answer.text
        found += ROW.findall(answer.text)
        more = NEXT.search(answer.text)
        path = html.unescape(more.group(1)) if more else ""
    return found


async def listed(seat: Seat, query: str) -> list[dict[str, Any]]:
    """All pages of the REST list."""
    path, found = f"{REST}?{query}", []
    while path:
        body = (await seat.get(path)).json()
        found += body["data"]
        path = body["links"].get("next", "")
    return found


async def exports_on_record(desk: Desk) -> list[AuditRecordView]:
    async with desk.working("compliance"):
        return await records(chosen=AuditFilter(action="redemptions.export"))


class TestSorting:
    async def test_every_order_goes_from_page_to_page_and_misses_none(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "PAGE_SIZE", 2)
        monkeypatch.setattr(answering, "BATCH_ROWS", 2)
        made = await some(desk)
        ops = await seats.of(desk, "ops")
        for name in SORTS:
            rising = await walked(ops, f"/redemptions?sort={name}")
            falling = await walked(ops, f"/redemptions?sort=-{name}")
            assert sorted(rising) == sorted(made), name
            assert falling == rising[::-1], name
            for sort, wanted in [(name, rising), (f"-{name}", falling)]:
                rows = await csv_rows(ops, "/redemptions", f"sort={sort}")
                assert [row["id"] for row in rows] == wanted, sort
                rest = await listed(ops, f"sort={sort}&limit=2")
                assert [row["id"] for row in rest] == wanted, sort

    async def test_amounts_are_sorted_as_figures_and_states_by_their_way(
        self, seats: Seats, desk: Desk
    ) -> None:
        await some(desk)
        ops = await seats.of(desk, "ops")
        rows = await csv_rows(ops, "/redemptions", "sort=net")
        nets = [float(row["net"]) for row in rows]
        assert nets == sorted(nets) and nets[0] < 10 < 100 < nets[-1]
        states = [row["state"] for row in await csv_rows(ops, "/redemptions", "sort=state")]
        assert states == ["pending_approval"] * 4 + ["approved", "rejected"]
        due = [row["due_at"] for row in await csv_rows(ops, "/redemptions", "sort=due_at")]
        assert due[:5] == sorted(due[:5])

    async def test_a_page_goes_on_where_the_one_before_ended_whatever_came_between(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "PAGE_SIZE", 2)
        await some(desk)
        ops = await seats.of(desk, "ops")
        whole = await walked(ops, "/redemptions?sort=-net")
        first = (await ops.get("/redemptions?sort=-net")).text
        more = NEXT.search(first)
        assert more is not None
        async with desk.working("ops"):
            # The last row of the page is worth less now, and would stand on a later one.
            await execute(
                "UPDATE redemption SET gross = 1, net = 1, early_exit_penalty = 0,"
                " redemption_fee = 0 WHERE id = $1",
                UUID(whole[1]),
            )
        await steps.request(desk, login="member2", key="growth", portion=Portion(units="20000"))
        rest = await walked(ops, html.unescape(more.group(1)))
        assert rest == [*whole[2:], whole[1]]

    async def test_headings_say_the_order_and_lead_to_the_others(
        self, seats: Seats, desk: Desk
    ) -> None:
        await some(desk)
        ops = await seats.of(desk, "ops")
        page = (await ops.get("/redemptions?state=approved&sort=net")).text
        assert re.findall(r'aria-sort="(\w+)"', page) == ["ascending"]
        assert 'href="/redemptions?state=approved&amp;sort=-net"' in page
        assert 'href="/redemptions?state=approved&amp;sort=client"' in page
        page = (await ops.get("/redemptions?sort=-net")).text
        assert re.findall(r'aria-sort="(\w+)"', page) == ["descending"]
        assert 'aria-sort="descending"' in (await ops.get("/redemptions")).text

    async def test_no_other_order_is_known(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        ops = await seats.of(desk, "ops")
        async with nothing_written(database, desk):
            for answer in (
                await ops.get("/redemptions?sort=principal_redeemed"),
                await ops.get(f"{REST}?sort=principal_redeemed"),
                await taken_out(ops, "/redemptions", "sort=principal_redeemed"),
            ):
                assert answer.status_code == 422
        assert (await ops.get(f"{REST}?sort=x")).json()["errors"][0]["code"] == "UNKNOWN_SORT"


class TestFilters:
    async def test_page_and_file_hold_exactly_what_is_filtered(
        self, seats: Seats, desk: Desk
    ) -> None:
        made = await some(desk)
        ops = await seats.of(desk, "ops")
        async with desk.working("ops") as unit:
            today = unit.now.date()
            reference = (await steps.seen(desk, UUID(made[4]))).reference
        day = timedelta(days=1)
        for query, wanted in {
            "": {0, 1, 2, 3, 4, 5},
            "state=approved": {0},
            "state=approved,rejected": {0, 2},
            f"product={desk.products['growth']}": {1, 3},
            f"client={desk.clients['member2']}": {2, 3, 4},
            "client=MEMBER2": {2, 3, 4},
            "client=ember": {0, 1, 2, 3, 4, 5},
            f"reference={reference[-6:]}": {4},
            f"state=pending_approval&client=member2&product={desk.products['yield']}": {4},
            f"requested_from={today}&requested_to={today}": {0, 1, 2, 3, 4, 5},
            f"requested_from={today + day}": set(),
            f"requested_to={today - day}": set(),
            f"due_before={today + 3 * day}": {0, 1, 3, 4, 5},
            f"due_before={today}": set(),
        }.items():
            ids = {made[number] for number in wanted}
            page = await ops.get(f"/redemptions?{query}")
            assert set(ROW.findall(page.text)) == ids, query
            rows = await csv_rows(ops, "/redemptions", query)
            assert [row["id"] for row in rows] == ROW.findall(page.text), query
            counted = re.search(r'list-count">([\d,]+) redemption', page.text)
            assert counted is not None and counted.group(1) == str(len(wanted)), query
        assert (
            "No redemption matches"
            in (await ops.get("/redemptions?client=nobody&state=ready")).text
        )

    async def test_the_same_filters_hold_over_rest(self, seats: Seats, desk: Desk) -> None:
        made = await some(desk)
        ops = await seats.of(desk, "ops")
        async with desk.working("ops") as unit:
            now = unit.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        for query, wanted in {
            f"client_id={desk.clients['member2']}": {2, 3, 4},
            "state=approved,rejected": {0, 2},
            f"requested_before={now[:10]}T00:00:00Z": set(),
            f"requested_from={now[:10]}T00:00:00Z": {0, 1, 2, 3, 4, 5},
        }.items():
            rows = await listed(ops, query)
            assert {row["id"] for row in rows} == {made[number] for number in wanted}, query

    async def test_the_way_to_the_next_page_keeps_filter_and_order(
        self, seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "PAGE_SIZE", 1)
        await some(desk)
        page = (
            await (await seats.of(desk, "ops")).get("/redemptions?client=member2&sort=net")
        ).text
        more = NEXT.search(page)
        assert more is not None
        assert more.group(1).startswith("/redemptions?client=member2&amp;sort=net&amp;cursor=")
        assert '<input type="hidden" name="sort" value="net">' in page


class TestExport:
    async def test_excel_has_the_same_rows_with_numbers_and_dates(
        self, seats: Seats, desk: Desk
    ) -> None:
        await some(desk)
        ops = await seats.of(desk, "ops")
        query = "client=member2&sort=-net"
        plain = await csv_rows(ops, "/redemptions", query)
        rows = await excel_rows(ops, "/redemptions", query)
        assert [row["Id"] for row in rows] == [row["id"] for row in plain]
        for row, twin in zip(rows, plain, strict=True):
            assert isinstance(row["Net"], int | float)
            assert row["Net"] == float(twin["net"])
            assert row["Gross"] - row["Early exit penalty"] - row["Redemption fee"] == (
                pytest.approx(row["Net"])
            )
            assert isinstance(row["Requested at (UTC)"], datetime)
            assert row["Requested at (UTC)"].isoformat()[:16] == twin["requested_at"][:16]

    async def test_excel_says_what_was_filtered_when_and_by_whom(
        self, seats: Seats, desk: Desk
    ) -> None:
        await some(desk)
        ops = await seats.of(desk, "ops")
        answer = await taken_out(ops, "/redemptions", "client=member2&sort=-net", kind="xlsx")
        about = about_excel(answer.content)
        assert about["Filter: client"] == "member2"
        assert about["Sorted by"] == "net, falling"
        assert about["Taken out by"] == "Ops"
        assert about["Rows"] == "3"
        assert about["As of"].endswith("(UTC)")
        disposition = answer.headers["content-disposition"]
        assert disposition == 'attachment; filename="redemptions-member2.xlsx"'
        assert answer.headers["cache-control"] == "no-store"

    async def test_each_sees_their_own_in_it(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        made = await some(desk)
        for who, login, wanted in [
            (desk, "member", {0, 1, 5}),
            (desk, "member2", {2, 3, 4}),
            (desk, "rm", {0, 1, 5}),
            (desk, "rm2", {2, 3, 4}),
            (desk, "trader", {0}),
            (desk, "compliance", {0, 1, 2, 3, 4, 5}),
            (stranger, "ops", set()),
            (stranger, "member", set()),
        ]:
            seat = await seats.of(who, login)
            # Naming somebody else's client shows no more.
            for query in ("", f"client={desk.clients['member']}", "state=rejected"):
                rows = await csv_rows(seat, "/redemptions", query)
                seen = {row["id"] for row in rows}
                assert seen <= {made[number] for number in wanted}, (login, query)
            everything = await csv_rows(seat, "/redemptions")
            assert {row["id"] for row in everything} == {made[number] for number in wanted}, login
        admin = await taken_out(await seats.of(desk, "admin"), "/redemptions")
        assert admin.status_code == 403

    async def test_is_on_the_audit_record_each_time(self, seats: Seats, desk: Desk) -> None:
        await some(desk)
        rm = await seats.of(desk, "rm")
        await taken_out(rm, "/redemptions", "state=approved")
        await taken_out(rm, "/redemptions", "sort=net&x=1", kind="xlsx")
        second, first = await exports_on_record(desk)
        assert first.after == {
            "format": "csv",
            "filters": {"state": "approved"},
            "sort": "-requested_at",
            "rows": 1,
        }
        assert second.after == {"format": "xlsx", "filters": {}, "sort": "net", "rows": 3}
        assert {first.actor_name, second.actor_name} == {"Rm"}
        assert await exports_on_record(desk) == [second, first]

    async def test_what_is_refused_leaves_no_record(
        self,
        seats: Seats,
        desk: Desk,
        database: DatabaseUrls,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await some(desk)
        ops = await seats.of(desk, "ops")
        monkeypatch.setattr(answering, "EXPORT_ROWS_MAX", 3)
        async with nothing_written(database, desk):
            assert (await taken_out(ops, "/redemptions", kind="pdf")).status_code == 422
            assert (await taken_out(ops, "/redemptions", "state=x")).status_code == 422
            for kind in ("csv", "xlsx"):
                too_long = await taken_out(ops, "/redemptions", kind=kind)
                assert too_long.status_code == 422, kind
                assert "More than 3 rows match" in too_long.text
            assert (await ops.get("/redemptions/export")).status_code in (404, 405)
        monkeypatch.setattr(answering, "EXPORT_ROWS_MAX", 6)
        assert len(await csv_rows(ops, "/redemptions")) == 6

    async def test_names_that_a_spreadsheet_would_compute_are_text(
        self, seats: Seats, desk: Desk
    ) -> None:
        await some(desk)
        async with desk.working("ops"):
            await execute(
                "UPDATE client SET name = '=cmd|'' /C calc''!A0' WHERE id = $1",
                desk.clients["member2"],
            )
        ops = await seats.of(desk, "ops")
        plain = await csv_rows(ops, "/redemptions", f"client={desk.clients['member2']}")
        assert {row["client"] for row in plain} == {"'=cmd|' /C calc'!A0"}
        rows = await excel_rows(ops, "/redemptions", f"client={desk.clients['member2']}")
        assert {row["Client"] for row in rows} == {"=cmd|' /C calc'!A0"}

    async def test_an_empty_list_is_a_file_with_headings(self, seats: Seats, desk: Desk) -> None:
        ops = await seats.of(desk, "ops")
        answer = await taken_out(ops, "/redemptions")
        assert answer.content.decode("utf-8-sig").startswith('"reference","client"')
        assert await excel_rows(ops, "/redemptions") == []

    async def test_the_buttons_stand_on_the_page_with_what_is_filtered(
        self, seats: Seats, desk: Desk
    ) -> None:
        page = (await (await seats.of(desk, "ops")).get("/redemptions?state=ready&sort=net")).text
        form = page.split('action="/redemptions/export"')[1].split("</form>")[0]
        assert '<input type="hidden" name="state" value="ready">' in form
        assert '<input type="hidden" name="sort" value="net">' in form
        assert 'value="csv"' in form and 'value="xlsx"' in form


async def test_the_order_that_most_lists_open_with_is_served_by_an_index(
    desk: Desk,
) -> None:
    async with desk.working("ops"):
        found = await fetch_row(
            "SELECT 1 FROM pg_indexes WHERE indexdef LIKE '%redemption %requested_at, id)'"
        )
    assert found is not None
