"""Writing the file: CSV as RFC 4180 has it, or an Excel workbook. Nothing in either is computed by
whoever opens it, and no more than a batch of rows is ever in memory.

Both are written by threads: packing a large workbook takes seconds, in which others are served.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import xlsxwriter

from app.kernel.clock import utc
from app.web.export.columns import Cell, Column, Sheet

# What a spreadsheet takes for a formula, and what it skips before one; the wide forms are taken for
# formulas where East Asian languages are typed.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Excel counts in binary with so many decimal digits: a longer figure is written as text, exactly.
EXCEL_DIGITS_MAX = 15
EXCEL_TEXT_MAX = 32_767
EXCEL_SHEET_NAME_MAX = 31
_CUT = "… (cut)"
_WIDTH_MIN, _WIDTH_MAX = 8, 60
_INSTANT_FORMAT, _DAY_FORMAT = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
# Excel's calendar begins here.
_EXCEL_YEAR_MIN = 1900

# Label and value, one below the other: what the file is, for whoever finds it next year.
About = Sequence[tuple[str, str]]


class FileWriter(Protocol):
    """`write` may be called any number of times, then `close` once."""

    media_type: str
    extension: str

    def write(self, rows: Sequence[Sequence[Cell]]) -> None: ...

    def close(self, about: About) -> None: ...


class CsvFile:
    """With a byte order mark, without which Excel reads UTF-8 as something else. Text is quoted,
    whatever is in it; figures and times stand bare. Times are in UTC. Says nothing about itself:
    programs read it."""

    media_type = "text/csv"
    extension = "csv"

    def __init__(self, path: Path, sheet: Sheet) -> None:
        self._file = path.open("wb")
        self._file.write(codecs.BOM_UTF8)
        self._line([column.name for column in sheet.columns])

    def write(self, rows: Sequence[Sequence[Cell]]) -> None:
        for row in rows:
            self._line(row)

    def close(self, about: About) -> None:
        self._file.close()

    def _line(self, cells: Sequence[Cell]) -> None:
        self._file.write((",".join(map(csv_cell, cells)) + "\r\n").encode())


def csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case (value, _):
            return format(value, "f")
        case datetime():
            return utc(cell)
        case date():
            return cell.isoformat()
    return '"' + harmless(cell).replace('"', '""') + '"'


def harmless(text: str) -> str:
    """`text` so that no spreadsheet computes it: with an apostrophe before it, where one would."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class ExcelFile:
    """Two sheets: what this is, and the rows. Figures are numbers with their decimals, instants are
    dates in `zone`, which the heading names; text is never a formula nor a link."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extension = "xlsx"

    def __init__(self, path: Path, sheet: Sheet, *, zone: str, author: str, now: datetime) -> None:
        self._columns = sheet.columns
        self._zone = ZoneInfo(zone)
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_properties(
            {
                "title": sheet.title,
                "author": author,
                "created": now.astimezone(UTC).replace(tzinfo=None),
            }
        )
        self._formats: dict[tuple[Any, ...], Any] = {}
        self._about = self._book.add_worksheet("About this file")
        self._sheet = self._book.add_worksheet(sheet.title[:EXCEL_SHEET_NAME_MAX])
        self._row = 0
        self._widths = [_WIDTH_MIN] * len(self._columns)
        self._head(zone)

    def _head(self, zone: str) -> None:
        self._sheet.activate()
        self._sheet.freeze_panes(1, 1)
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)  # A4
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_footer("&L&F&RPage &P of &N")
        for index, column in enumerate(self._columns):
            heading = f"{column.heading} ({zone})" if column.kind == "instant" else column.heading
            align = "right" if column.kind == "amount" else "left"
            style = self._format(bold=True, bottom=1, align=align, valign="top", text_wrap=True)
            self._sheet.write_string(0, index, heading, style)
            self._widen(index, len(heading) if column.kind != "instant" else 19)

    def write(self, rows: Sequence[Sequence[Cell]]) -> None:
        for cells in rows:
            self._row += 1
            for index, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
                self._cell(self._row, index, column, cell)

    def close(self, about: About) -> None:
        for index, width in enumerate(self._widths):
            self._sheet.set_column(index, index, width + 2)
        if self._row:
            self._sheet.autofilter(0, 0, self._row, len(self._columns) - 1)
        self._about.set_column(0, 0, 24)
        self._about.set_column(1, 1, 90)
        label, value = self._format(bold=True, valign="top"), self._format(text_wrap=True)
        for row, (name, told) in enumerate(about):
            self._about.write_string(row, 0, name, label)
            self._text(self._about, row, 1, told, value)
        self._book.close()

    def _cell(self, row: int, index: int, column: Column, cell: Cell) -> None:
        match cell:
            case None:
                return
            case (value, places):
                self._figure(row, index, value, places)
            case datetime() if cell.year >= _EXCEL_YEAR_MIN:
                local = cell.astimezone(self._zone).replace(tzinfo=None)
                style = self._format(num_format=_INSTANT_FORMAT, align="left")
                self._sheet.write_datetime(row, index, local, style)
            case date() if cell.year >= _EXCEL_YEAR_MIN:
                style = self._format(num_format=_DAY_FORMAT, align="left")
                self._sheet.write_datetime(row, index, cell, style)
                self._widen(index, 10)
            case datetime() | date():
                self._text(self._sheet, row, index, cell.isoformat(), None)
            case _:
                self._text(self._sheet, row, index, cell, None)
                self._widen(index, max(map(len, cell[: _WIDTH_MAX * 2].splitlines()), default=0))

    def _figure(self, row: int, index: int, value: Decimal, places: int) -> None:
        shown = format(value, "f")
        digits = shown.lstrip("-").replace(".", "").lstrip("0")
        self._widen(index, len(shown) + (len(digits) - places) // 3)
        if len(digits) > EXCEL_DIGITS_MAX:
            self._sheet.write_string(row, index, shown, self._format(align="right"))
            return
        pattern = "#,##0" + (f".{'0' * places}" if places else "")
        self._sheet.write_number(row, index, value, self._format(num_format=pattern))

    def _text(self, sheet: Any, row: int, index: int, text: str, style: Any) -> None:
        if len(text) > EXCEL_TEXT_MAX:
            text = text[: EXCEL_TEXT_MAX - len(_CUT)] + _CUT
        if text.startswith(FORMULA_STARTS):
            # Stays text even where somebody edits the cell and presses Enter.
            style = self._format(quote_prefix=True)
        sheet.write_string(row, index, text, style)

    def _widen(self, index: int, width: int) -> None:
        self._widths[index] = min(max(self._widths[index], width), _WIDTH_MAX)

    def _format(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]


def file_name(*parts: str, extension: str) -> str:
    """Nothing in it that a header or a file system would read otherwise."""
    name = re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")[:100].strip("-")
    return f"{name or 'export'}.{extension}"
