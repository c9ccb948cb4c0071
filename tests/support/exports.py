"""Lists taken out as files, and what stands in them."""

from __future__ import annotations

import codecs
import csv
import io
from typing import Any

import httpx
import openpyxl

from app.web.export.files import ExcelFile
from tests.security.seats import Seat


async def taken_out(seat: Seat, path: str, query: str = "", *, kind: str = "csv") -> httpx.Response:
    """As the buttons of the list at `path?query` ask for it."""
    fields = dict(httpx.QueryParams(query).multi_items()) | {"format": kind}
    return await seat.browser.post_form(f"{path}/export", fields)


async def csv_rows(seat: Seat, path: str, query: str = "") -> list[dict[str, str]]:
    answer = await taken_out(seat, path, query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return rows_of_csv(answer.content)


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(codecs.BOM_UTF8)
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def excel_rows(seat: Seat, path: str, query: str = "") -> list[dict[str, Any]]:
    answer = await taken_out(seat, path, query, kind="xlsx")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ExcelFile.media_type
    return rows_of_excel(answer.content)


def rows_of_excel(content: bytes) -> list[dict[str, Any]]:
    """By heading, as a spreadsheet would have them."""
    heading, *rows = workbook(content).worksheets[1].iter_rows(values_only=True)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def about_excel(content: bytes) -> dict[str, str]:
    """What the first sheet says of the file."""
    sheet = workbook(content).worksheets[0]
    return {str(row[0]): str(row[1]) for row in sheet.iter_rows(values_only=True)}


def workbook(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))
