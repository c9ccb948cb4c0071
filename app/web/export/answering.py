"""From a form to the file: read, written and put on record in one unit of work, then sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from litestar.response import Stream

from app.kernel import audit
from app.kernel.database import UnitOfWork, unit_of_work
from app.kernel.errors import DomainError, InputInvalid, Unavailable
from app.kernel.sorting import Place, Slice
from app.web.export.columns import Sheet
from app.web.export.files import CsvFile, ExcelFile, FileWriter, file_name
from app.web.trace import trace_of
from app.web.viewer import PortalRequest, Viewer, viewer_of

BATCH_ROWS = 500
# What the server lets one transaction take, with room to spare; a longer list is taken out in parts.
EXPORT_ROWS_MAX = 200_000
EXPORTS_AT_ONCE = 2
WAIT_SECONDS = 30
_CHUNK_BYTES = 64 * 1024

# What the file says of its filters beside the fields that were given. Read as the rows are.
Tell = Callable[[], Awaitable[Mapping[str, str]]]
# The rows behind a place, at most so many; from the start without one.
Read = Callable[[Place | None, int], Awaitable[Slice[Any]]]


class ExportTooLong(DomainError):
    status = 422
    code = "EXPORT_TOO_LONG"
    title = "The list is too long for one file"


class Exports:
    """Room for so many at once in this process: each holds a connection while its rows are read."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(EXPORTS_AT_ONCE)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Raises `Unavailable` where others take too long."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise Unavailable("Other files are being made; try again in a moment") from error
        try:
            yield
        finally:
            self._room.release()


async def export_of(
    request: PortalRequest,
    sheet: Sheet,
    *,
    read: Read,
    sort: str,
    form: Mapping[str, str],
    filters: Mapping[str, str],
    tell: Tell | None = None,
) -> Stream:
    """The whole list as the file that `form` asks for (`format`: csv or xlsx).

    `read` runs as the viewer, in a unit of work that sees one moment. `filters` are those that may
    be given, by field; `tell` says in words what ids in them name, and what is left out without
    being asked; `sort` is the order that `read` keeps. Raises `ExportTooLong`, and what `read`
    raises; then nothing is on record.
    """
    viewer = viewer_of(request)
    kind = _kind(form.get("format", ""))
    given = {name: value for name, value in filters.items() if value}
    exports: Exports = request.app.state.exports
    async with exports.room():
        with trace_of(request).timed("work"), TemporaryDirectory(prefix="stakehold-") as folder:
            path = Path(folder) / "export"
            async with _unit(viewer) as unit:
                file = await asyncio.to_thread(_begun, kind, path, sheet, viewer, unit.now)
                async with _abandoned_on_failure(file):
                    rows = await _written(file, sheet, read)
                    told = await tell() if tell else {}
                exact = {**told, **given}
                await audit.record(
                    action=f"{sheet.name}.export",
                    subject_kind="tenant",
                    subject_id=viewer.tenant.id,
                    after={"format": kind, "filters": exact, "sort": sort, "rows": rows},
                )
            about = _about(viewer, sheet, sort, unit.now, rows, {**given, **told})
            await asyncio.to_thread(file.close, about)
            # Once it is open, it outlives its folder.
            opened = await asyncio.to_thread(path.open, "rb")
    name = file_name(sheet.name, *exact.values(), extension=file.extension)
    return Stream(
        _sent(opened),
        media_type=file.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _unit(viewer: Viewer) -> AbstractAsyncContextManager[UnitOfWork]:
    """Sees one moment; writes nothing but the record of the export."""
    return unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, isolation="repeatable read")


def _begun(kind: str, path: Path, sheet: Sheet, viewer: Viewer, now: datetime) -> FileWriter:
    if kind == "csv":
        return CsvFile(path, sheet)
    return ExcelFile(path, sheet, zone=viewer.time_zone, author=viewer.actor.name, now=now)


@asynccontextmanager
async def _abandoned_on_failure(file: FileWriter) -> AsyncIterator[None]:
    """What was begun is closed before its folder goes."""
    try:
        yield
    except BaseException:
        await asyncio.shield(asyncio.to_thread(file.close, []))
        raise


async def _written(file: FileWriter, sheet: Sheet, read: Read) -> int:
    """How many rows there were."""
    rows, place = 0, None
    while True:
        batch = await read(place, BATCH_ROWS)
        rows += len(batch)
        if rows > EXPORT_ROWS_MAX:
            raise ExportTooLong(
                f"More than {EXPORT_ROWS_MAX:,} rows match; filter it, and take it out in parts"
            )
        await asyncio.to_thread(file.write, [sheet.cells(row) for row in batch])
        place = batch.place
        if place is None:
            return rows


def _about(
    viewer: Viewer, sheet: Sheet, sort: str, now: datetime, rows: int, told: Mapping[str, str]
) -> list[tuple[str, str]]:
    as_of = now.astimezone(ZoneInfo(viewer.time_zone))
    falling = ", falling" if sort.startswith("-") else ""
    return [
        ("List", sheet.title),
        ("Organisation", viewer.tenant.name),
        ("Taken out by", viewer.actor.name),
        ("As of", f"{as_of:%Y-%m-%d %H:%M:%S} ({viewer.time_zone})"),
        ("Rows", f"{rows:,}"),
        *((f"Filter: {name.replace('_', ' ')}", value) for name, value in told.items()),
        ("Filters", "as above" if told else "none"),
        ("Sorted by", sort.lstrip("-").replace("_", " ") + falling),
        ("Times", f"in the time zone {viewer.time_zone}"),
        ("Figures", "as numbers; those of more than 15 digits as text, since Excel rounds them"),
    ]


async def _sent(opened: BinaryIO) -> AsyncIterator[bytes]:
    with opened:
        while chunk := await asyncio.to_thread(opened.read, _CHUNK_BYTES):
            yield chunk


def _kind(text: str) -> str:
    if text not in ("", "csv", "xlsx"):
        raise InputInvalid.of("format", "UNKNOWN_FORMAT", "csv or xlsx")
    return text or "csv"
