"""Files of many rows: whole, in order, and made at a memory that does not grow with them."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.kernel.database import execute
from app.kernel.ids import new_id
from app.kernel.sorting import Place, Slice
from app.web.export import Sheet, amount, answering, instant, text
from app.web.export.files import CsvFile, ExcelFile, FileWriter
from tests.security.seats import Seats
from tests.support.desk import Desk
from tests.support.exports import csv_rows, excel_rows, taken_out

ROWS = 10_000
NOW = datetime(2026, 7, 2, 12, 0, 0, tzinfo=UTC)
SHEET = Sheet(
    name="things",
    title="Things",
    columns=[
        text("name", lambda row: f"Thing number {row}"),
        amount("worth", lambda row: Decimal(row) / 7, places=lambda row: 2),
        instant("made_at", lambda row: NOW),
    ],
)


async def dead_letters(desk: Desk, rows: int) -> None:
    async with desk.working("ops"):
        await execute(
            "INSERT INTO job (tenant_id, id, kind, payload, state, due_at, attempt, failures,"
            " last_error, request_id, trace, created_at, finished_at)"
            " SELECT $1, gen_random_uuid(), 'test.many', '{}', 'dead', now(), 1, 5,"
            # Five of each second: the id decides among them.
            " 'broken ' || n, '', '', now(), now() - make_interval(secs => n / 5)"
            " FROM generate_series(1, $2) n",
            desk.tenant_id,
            rows,
        )


async def test_ten_thousand_rows_come_whole_and_in_order(seats: Seats, desk: Desk) -> None:
    await dead_letters(desk, ROWS)
    ops = await seats.of(desk, "ops")
    plain = await csv_rows(ops, "/jobs", "kind=test.many&sort=-finished_at")
    assert len({row["id"] for row in plain}) == len(plain) == ROWS
    order = [(row["finished_at"], row["id"]) for row in plain]
    assert order == sorted(order, reverse=True)
    rows = await excel_rows(ops, "/jobs", "kind=test.many&sort=-finished_at")
    assert [row["Id"] for row in rows] == [row["id"] for row in plain]


async def test_many_at_once_take_their_turn(seats: Seats, desk: Desk) -> None:
    await dead_letters(desk, 600)
    ops = await seats.of(desk, "ops")
    kinds = ["csv", "xlsx"] * 4
    answers = await asyncio.gather(*(taken_out(ops, "/jobs", kind=kind) for kind in kinds))
    assert [answer.status_code for answer in answers] == [200] * 8


async def test_who_waits_too_long_is_told_to_come_again(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = await seats.of(desk, "ops")
    monkeypatch.setattr(answering, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(answering, "EXPORTS_AT_ONCE", 0)
    busy = answering.Exports()
    transport = ops.browser._transport
    state = transport.app.litestar.state  # type: ignore[attr-defined]
    before = state.exports
    state.exports = busy
    try:
        answer = await taken_out(ops, "/jobs")
    finally:
        state.exports = before
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_memory_does_not_grow_with_the_rows(tmp_path: Path, kind: str) -> None:
    def begun(name: str) -> FileWriter:
        path = tmp_path / name
        if kind == "csv":
            return CsvFile(path, SHEET)
        return ExcelFile(path, SHEET, zone="UTC", author="Ada", now=NOW)

    async def peak_of(rows: int) -> int:
        async def read(after: Place | None, limit: int) -> Slice[int]:
            start = int(after.value) if after else 0
            end = min(start + limit, rows)
            return Slice(range(start, end), Place(str(end), new_id()) if end < rows else None)

        file = begun(f"{rows}.{kind}")
        tracemalloc.start()
        try:
            assert await answering._written(file, SHEET, read) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            file.close([])

    await peak_of(500)  # what is made once: imports, formats
    few, many = await peak_of(1_000), await peak_of(ROWS)
    assert many < few * 1.5 + 200_000, (few, many)
