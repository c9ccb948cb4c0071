"""CSV of a list, exactly as it is filtered: streamed a batch at a time, however long it is.

Each batch is read in a unit of work of its own, so that a slow reader holds no transaction open. The
filter is read before the stream begins: what is wrong with it is still refused as a page would be.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from litestar.response import Stream

from app.kernel.clock import utc
from app.kernel.database import unit_of_work
from app.kernel.money import plain
from app.web.viewer import PortalRequest, viewer_of

BATCH_ROWS = 500
# What a spreadsheet would take for a formula, and what it skips before one.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | Decimal | datetime | UUID | StrEnum | None
Row = TypeVar("Row")
# The rows after the one given, at most so many; from the start without one.
RowsAfter = Callable[[Row | None, int], Awaitable[Sequence[Row]]]


def csv_of(
    request: PortalRequest,
    *,
    name: str,
    columns: Sequence[str],
    rows_after: RowsAfter[Row],
    cells: Callable[[Row], Sequence[Cell]],
) -> Stream:
    """The whole list as a file that is named `name`; `rows_after` runs as the viewer, read only."""
    viewer = viewer_of(request)

    async def lines() -> AsyncIterator[str]:
        yield written(columns)
        last: Row | None = None
        while True:
            async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, read_only=True):
                rows = await rows_after(last, BATCH_ROWS)
            if rows:
                yield "".join(written(cells(row)) for row in rows)
                last = rows[-1]
            if len(rows) < BATCH_ROWS:
                return

    return Stream(
        lines(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{file_name(name)}"'},
    )


def written(cells: Sequence[Cell]) -> str:
    """One line, as RFC 4180 wants it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_text(cell) for cell in cells])
    return line.getvalue()


def file_name(name: str) -> str:
    """`name` with nothing in it that a header or a file system would read otherwise."""
    return (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100] or "export") + ".csv"


def _text(cell: Cell) -> str:
    """Figures and times as they are, in UTC; text so that no spreadsheet computes it."""
    match cell:
        case None:
            return ""
        case Decimal():
            return plain(cell)
        case datetime():
            return utc(cell)
        case int() | UUID():
            return str(cell)
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
