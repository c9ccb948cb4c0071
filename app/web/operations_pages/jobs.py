"""What waits to be done, and what failed for good."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.kernel.jobs import DeadLetter, KindBacklog, backlog, dead_letters, rerun
from app.web.export import csv_of
from app.web.forms import new_idempotency_key, read_form, refuse_control_characters, refused
from app.web.guards import requires
from app.web.paging import cursor_of, position_of
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50
_COLUMNS = ("id", "kind", "failures", "last_error", "payload", "created_at", "finished_at")


class JobsPage(msgspec.Struct, frozen=True, kw_only=True):
    kinds: list[KindBacklog]
    letters: list[DeadLetter]
    kind: str | None
    next_cursor: str | None
    may_rerun: bool


class Jobs(Controller):
    path = "/jobs"

    @get("/", guards=[requires("job:read")])
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        kind: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        return await _shown(request, kind=_kind(kind), cursor=cursor)

    @get("/export", guards=[requires("job:read")])
    async def export(self, request: PortalRequest, kind: FromQuery[str | None] = None) -> Stream:
        """Every dead letter of the filter, not of the page."""
        wanted = _kind(kind)

        async def rows_after(last: DeadLetter | None, limit: int) -> Sequence[DeadLetter]:
            after = (last.finished_at, last.id) if last else None
            return await dead_letters(kind=wanted, after=after, limit=limit)

        return csv_of(
            request,
            name=f"dead letters {wanted or ''}",
            columns=_COLUMNS,
            rows_after=rows_after,
            cells=lambda letter: (
                letter.id,
                letter.kind,
                letter.failures,
                letter.last_error,
                msgspec.json.encode(letter.payload).decode(),
                letter.created_at,
                letter.finished_at,
            ),
        )

    @post("/{job_id:str}/rerun", guards=[requires("job:rerun")])
    @transactional(idempotent=True)
    async def rerun(self, request: PortalRequest, job_id: FromPath[str]) -> Page | See:
        """Back to the list, filtered as it was."""
        form = await read_form(request)
        kind = _kind(form.get("kind"))
        try:
            async with savepoint():
                await rerun(job_id=_id(job_id))
        except NotFound:
            raise
        except DomainError as refusal:
            return await _shown(request, kind=kind, errors=refused(refusal), status=refusal.status)
        return See(f"/jobs?{urlencode({'kind': kind})}" if kind else "/jobs")


async def _shown(
    request: PortalRequest,
    *,
    kind: str | None,
    cursor: str | None = None,
    errors: Sequence[FieldError] = (),
    status: int = 200,
) -> Page:
    found = await dead_letters(kind=kind, after=position_of(cursor), limit=PAGE_SIZE + 1)
    letters = found[:PAGE_SIZE]
    more = len(found) > PAGE_SIZE
    page = JobsPage(
        kinds=await backlog(),
        letters=letters,
        kind=kind,
        next_cursor=cursor_of(letters[-1].finished_at, letters[-1].id) if more else None,
        may_rerun=viewer_of(request).actor.may("job:rerun"),
    )
    return Page(
        "operations/jobs.html",
        {"page": page, "errors": errors, "idempotency_key": new_idempotency_key()},
        status=status,
        blocks=["backlog", "letters"],
        topics=["operations"],
    )


def _kind(text: str | None) -> str | None:
    """The kind to list, none for all; raises `InputInvalid` for what no kind may hold."""
    refuse_control_characters(text or "", field="kind")
    return text or None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
