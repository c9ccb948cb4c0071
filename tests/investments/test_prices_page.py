"""What assets are worth, on its page and over REST: the latest, its age and source, and before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.domains.investments.operations.price_record import KEPT, record_prices
from app.kernel.database import execute, fetch_value
from app.web import listing
from app.web.shell import Portal
from tests.security.seats import API, Seats, open_seats
from tests.support.desk import Desk
from tests.support.exports import csv_rows, excel_rows, taken_out

REST = f"{API}/investments/prices"


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def read_before(desk: Desk) -> None:
    """Five earlier readings of one asset, an hour apart."""
    now = datetime.now(UTC)
    async with desk.working("ops"):
        for hours in range(5, 0, -1):
            await record_prices(
                prices=[("USDT", Decimal(f"0.9{hours}"), now - timedelta(hours=hours))],
                source="<Before>",
            )


async def test_the_latest_stands_with_its_age_and_source(seats: Seats, desk: Desk) -> None:
    trader = await seats.of(desk, "trader")
    page = (await trader.get("/prices")).text
    for asset in ("USDC", "USDT"):
        row = page.split(f'id="price-{asset}"')[1].split("</tr>")[0]
        assert "The desk" in row and ", stale" not in row and ">1.00 " in row.replace("\n", " ")
    async with desk.working("ops"):
        await execute("UPDATE asset_price SET as_of = as_of - interval '16 minutes'")
        await execute("UPDATE asset_price SET asset = 'XYZ' WHERE asset = 'USDC'")
    page = (await trader.get("/prices")).text
    assert ", stale" in page.split('id="price-USDT"')[1].split("</tr>")[0]
    assert "no price" in page.split('id="price-USDC"')[1].split("</tr>")[0]
    answer = (await trader.get(REST)).json()["data"]
    assert answer[0] == {
        "asset": "USDC",
        "usd": None,
        "as_of": None,
        "source": None,
        "age_seconds": None,
        "is_stale": True,
    }
    assert (answer[1]["usd"], answer[1]["source"], answer[1]["is_stale"]) == ("1", "The desk", True)


async def test_an_older_reading_is_history_and_not_the_latest(seats: Seats, desk: Desk) -> None:
    await read_before(desk)
    rm = await seats.of(desk, "rm")
    assert [row["usd"] for row in (await rm.get(REST)).json()["data"]] == ["1", "1"]
    first = (await rm.get(f"{REST}?limit=1")).json()
    second = (await rm.get(first["links"]["next"])).json()
    assert [row["asset"] for row in first["data"] + second["data"]] == ["USDC", "USDT"]
    assert "next" not in second["links"]
    found = (await rm.get(f"{REST}/readings?asset=USDT")).json()["data"]
    assert [row["usd"] for row in found] == ["1", "0.91", "0.92", "0.93", "0.94", "0.95"]
    page = (await rm.get("/prices?asset=USDT")).text
    assert page.count('id="reading-') == 6 and "&lt;Before&gt;" in page


async def test_history_is_filtered_sorted_paged_and_taken_out(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_before(desk)
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    ops = await seats.of(desk, "ops")
    found, path = [], "/prices?asset=USDT&sort=as_of"
    while path:
        page = (await ops.get(path)).text
        found += [part.split('"')[0] for part in page.split('id="reading-')[1:]]
        more = page.split(' rel="next"')[0].rsplit('href="', 1)[1] if ' rel="next"' in page else ""
        path = more.rstrip('"').replace("&amp;", "&")
    assert len(found) == len(set(found)) == 6
    rows = await csv_rows(ops, "/prices", "asset=USDT&sort=as_of")
    assert [row["id"] for row in rows] == found
    assert [Decimal(row["usd"]) for row in rows][:2] == [Decimal("0.95"), Decimal("0.94")]
    assert len(await excel_rows(ops, "/prices", "asset=USDC")) == 1
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert await csv_rows(ops, "/prices", f"from={tomorrow}") == []
    assert "No reading matches" in (await ops.get(f"/prices?from={tomorrow}")).text
    assert len(await csv_rows(ops, "/prices", f"to={tomorrow}")) == 7


async def test_is_the_desks_affair_and_the_tenants_own(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    async with stranger.working("ops"):
        await record_prices(prices=[("USDT", Decimal(7), datetime.now(UTC))], source="Theirs")
    for login in ("member", "admin"):
        seat = await seats.of(desk, login)
        for path in ("/prices", REST, f"{REST}/readings"):
            assert (await seat.get(path)).status_code == 403, (login, path)
        assert (await taken_out(seat, "/prices")).status_code == 403
        assert 'href="/prices"' not in (await seat.get("/notifications")).text
    for login in ("rm", "trader", "ops", "compliance"):
        seat = await seats.of(desk, login)
        page = (await seat.get("/prices")).text
        assert 'href="/prices"' in page and "Theirs" not in page
        assert "Theirs" not in (await seat.get(f"{REST}/readings")).text


async def test_one_moment_is_kept_once_and_old_readings_not_at_all(desk: Desk) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=3)
    old = datetime.now(UTC) - KEPT - timedelta(minutes=1)
    async with desk.working("ops"):
        await record_prices(prices=[("USDT", Decimal(2), old)], source="Old")
        for _ in range(2):
            await record_prices(prices=[("USDT", Decimal(2), moment)], source="Again")
        counted = "SELECT count(*) FROM price_reading WHERE source = $1"
        assert await fetch_value(counted, "Again") == 1
        assert await fetch_value(counted, "Old") == 0
