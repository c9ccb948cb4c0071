"""What a spreadsheet is given: no formulas, exact figures, times with their zone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl.utils.escape import unescape

from app.web.export.columns import Sheet, amount, day, instant, text
from app.web.export.files import (
    EXCEL_TEXT_MAX,
    CsvFile,
    ExcelFile,
    FileWriter,
    csv_cell,
    file_name,
)
from tests.support.exports import about_excel, rows_of_csv, rows_of_excel, workbook

SHEET = Sheet(
    name="things",
    title="Things",
    columns=[
        text("name", lambda row: row.get("name")),
        amount("worth", lambda row: row.get("worth"), places=lambda row: row.get("places", 0)),
        instant("made_at", lambda row: row.get("made_at")),
        day("counts_from", lambda row: row.get("counts_from")),
    ],
)
NOON = datetime(2026, 7, 2, 12, 0, 0, tzinfo=UTC)
COMPUTED = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x", '=HYPERLINK("x")']

Made = Callable[..., bytes]


@pytest.fixture
def excel(tmp_path: Path) -> Made:
    def made(*rows: dict[str, Any], zone: str = "Europe/Zurich") -> bytes:
        path = tmp_path / "things.xlsx"
        file = ExcelFile(path, SHEET, zone=zone, author="Ada", now=NOON)
        return written(file, path, rows)

    return made


@pytest.fixture
def comma_separated(tmp_path: Path) -> Made:
    def made(*rows: dict[str, Any]) -> bytes:
        path = tmp_path / "things.csv"
        return written(CsvFile(path, SHEET), path, rows)

    return made


def written(file: FileWriter, path: Path, rows: tuple[dict[str, Any], ...]) -> bytes:
    file.write([SHEET.cells(row) for row in rows])
    file.close([("List", "Things"), ("Filter: name", "=1+1")])
    return path.read_bytes()


class TestCsv:
    @pytest.mark.parametrize("name", COMPUTED)
    def test_text_that_a_spreadsheet_would_compute_is_not(
        self, comma_separated: Made, name: str
    ) -> None:
        [row] = rows_of_csv(comma_separated({"name": name}))
        assert row["name"] == f"'{name}"

    def test_figures_keep_their_sign_and_their_decimals(self, comma_separated: Made) -> None:
        rows = [
            {"worth": Decimal("-5"), "places": 2},
            {"worth": Decimal("1250.500000000000000000"), "places": 2},
            {"worth": Decimal("0.000000000000000001"), "places": 2},
            {"worth": Decimal("99999999999999999999.123456789012345678")},
            {"worth": Decimal("0E-18")},
            {"worth": Decimal("1E+3")},
        ]
        assert [row["worth"] for row in rows_of_csv(comma_separated(*rows))] == [
            "-5.00",
            "1250.50",
            "0.000000000000000001",
            "99999999999999999999.123456789012345678",
            "0",
            "1000",
        ]

    def test_is_what_rfc_4180_says(self, comma_separated: Made) -> None:
        content = comma_separated(
            {"name": 'a,"b"\r\n;c', "worth": -1, "made_at": NOON, "counts_from": date(2026, 7, 3)},
            {"name": "é"},
        )
        assert content.decode("utf-8-sig") == (
            '"name","worth","made_at","counts_from"\r\n'
            '"a,""b""\r\n;c",-1,2026-07-02T12:00:00Z,2026-07-03\r\n'
            '"é",,,\r\n'
        )

    def test_a_separator_of_another_country_splits_nothing(self) -> None:
        assert csv_cell("a;=1+1") == '"a;=1+1"'


class TestExcel:
    @pytest.mark.parametrize("name", [*COMPUTED, "https://example.com", "mailto:a@b.c", "0012"])
    def test_text_is_text_and_nothing_else(self, excel: Made, name: str) -> None:
        book = workbook(excel({"name": name}))
        cell = book.worksheets[1]["A2"]
        assert (cell.data_type, cell.hyperlink) == ("s", None)
        assert unescape(cell.value) == name
        # So that it stays text when somebody edits it.
        assert bool(cell.quotePrefix) is (name in COMPUTED)

    def test_no_formula_and_no_link_is_anywhere_in_the_file(self, excel: Made) -> None:
        with zipfile.ZipFile(io.BytesIO(excel(*({"name": name} for name in COMPUTED)))) as parts:
            for name in parts.namelist():
                assert b"<f>" not in parts.read(name), name
                assert b"<hyperlink" not in parts.read(name), name

    def test_figures_are_numbers_with_their_decimals(self, excel: Made) -> None:
        sheet = workbook(
            excel(
                {"worth": Decimal("-1250.5"), "places": 2},
                {"worth": Decimal(7)},
                {"worth": Decimal("23512.49997648"), "places": 2},
            )
        ).worksheets[1]
        cells = [sheet[f"B{row}"] for row in (2, 3, 4)]
        assert [(cell.value, cell.number_format) for cell in cells] == [
            (-1250.5, "#,##0.00"),
            (7, "#,##0"),
            (23512.49997648, "#,##0.00000000"),
        ]
        assert {cell.data_type for cell in cells} == {"n"}

    def test_a_figure_that_excel_would_round_is_written_out(self, excel: Made) -> None:
        exact = ["123456789.123456789", "-0.1234567890123456", "100000000000000001"]
        rows = rows_of_excel(excel(*({"worth": Decimal(text)} for text in exact)))
        assert [row["Worth"] for row in rows] == exact
        [row] = rows_of_excel(excel({"worth": Decimal("123456789012.345")}))
        assert row["Worth"] == 123456789012.345

    def test_instants_are_dates_in_the_zone_that_the_heading_names(self, excel: Made) -> None:
        rows = rows_of_excel(
            excel({"made_at": NOON, "counts_from": date(2026, 7, 3)}, {"name": "none"})
        )
        assert str(rows[0]["Made at (Europe/Zurich)"]) == "2026-07-02 14:00:00"
        assert str(rows[0]["Counts from"]) == "2026-07-03 00:00:00"
        assert rows[1]["Made at (Europe/Zurich)"] is None

    def test_it_says_what_it_is_and_holds_its_headings(self, excel: Made) -> None:
        content = excel({"name": "x"}, {"name": "y"})
        book = workbook(content)
        assert book.sheetnames == ["About this file", "Things"]
        assert book.active is not None and book.active.title == "Things"
        sheet = book.worksheets[1]
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == "A1:D3"
        assert sheet.print_title_rows == "$1:$1"
        assert about_excel(content)["Filter: name"] == "=1+1"

    def test_what_no_cell_can_hold_is_cut_and_says_so(self, excel: Made) -> None:
        [row] = rows_of_excel(excel({"name": "x" * 40_000}))
        assert len(row["Name"]) == EXCEL_TEXT_MAX
        assert row["Name"].endswith("… (cut)")

    def test_control_characters_break_nothing(self, excel: Made) -> None:
        [row] = rows_of_excel(excel({"name": "a\x01b\x1b"}))
        assert unescape(row["Name"]) == "a\x01b\x1b"


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("deadlines", "breached"), "deadlines-breached.csv"),
        (('x"\r\nSet-Cookie: a=b',), "x-set-cookie-a-b.csv"),
        (("../../etc/passwd",), "etc-passwd.csv"),
        (("ledger_accounts", "é"), "ledger-accounts.csv"),
        (("",), "export.csv"),
    ],
)
def test_a_file_name_says_nothing_else(parts: tuple[str, ...], wanted: str) -> None:
    assert file_name(*parts, extension="csv") == wanted
