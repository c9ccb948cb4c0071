"""What waits to be done, and what failed for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath
from litestar.response import Stream

from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.kernel.jobs import (
    DEAD_LETTERS,
    DeadLetter,
    DeadLetterFilter,
    KindBacklog,
    backlog,
    dead_letter_count,
    dead_letters,
    rerun,
)
from app.web.export import Sheet, amount, instant, text
from app.web.fields import day_begins, day_ends
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

SHEET = Sheet(
    name="dead_letters",
    title="Dead letters",
    columns=[
        text("kind", lambda letter: letter.kind, "Job"),
        text("last_error", lambda letter: letter.last_error, "Error"),
        amount("failures", lambda letter: letter.failures),
        instant("created_at", lambda letter: letter.created_at),
        instant("finished_at", lambda letter: letter.finished_at, "Failed at"),
        text("payload", lambda letter: msgspec.json.encode(letter.payload).decode()),
        text("id", lambda letter: letter.id, "Id"),
    ],
)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> DeadLetterFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    zone = viewer.time_zone
    return DeadLetterFilter(
        kind=fields["kind"] or None,
        error=fields["error"],
        finished_from=day_begins(fields["failed_from"], field="failed_from", zone=zone),
        finished_before=day_ends(fields["failed_to"], field="failed_to", zone=zone),
    )


LETTERS = ListOf(
    path="/jobs",
    fields=("kind", "error", "failed_from", "failed_to"),
    sorting=DEAD_LETTERS,
    chosen=_chosen,
    read=dead_letters,
    count=dead_letter_count,
    sheet=SHEET,
)


class JobsPage(msgspec.Struct, frozen=True, kw_only=True):
    kinds: list[KindBacklog]
    letters: Sequence[DeadLetter]
    listed: Listed
    may_rerun: bool
    may_discard: bool


class Jobs(Controller):
    path = "/jobs"

    @get("/", guards=[requires("job:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        return await jobs_page(request)

    @post("/export", status_code=200, guards=[requires("job:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LETTERS.export(request)

    @post("/{job_id:str}/rerun", guards=[requires("job:rerun")])
    @transactional(idempotent=True)
    async def rerun(self, request: PortalRequest, job_id: FromPath[str]) -> Page | See:
        """Back to the list, filtered as it was."""
        form = await read_form(request)
        fields = LETTERS.fields_of(form)
        try:
            async with savepoint():
                await rerun(job_id=_id(job_id))
        except NotFound:
            raise
        except DomainError as refusal:
            return await jobs_page(
                request, fields=fields, errors=refused(refusal), status=refusal.status
            )
        query = {name: value for name, value in fields.items() if value}
        return See(f"/jobs?{urlencode(query)}" if query else "/jobs")


async def jobs_page(
    request: PortalRequest,
    *,
    fields: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    status: int = 200,
) -> Page:
    """As the address filters it, or as `fields` do."""
    actor = viewer_of(request).actor
    shown = await LETTERS.shown(request, fields)
    page = JobsPage(
        kinds=await backlog(),
        letters=shown.rows,
        listed=shown.listed,
        may_rerun=actor.may("job:rerun"),
        may_discard=actor.may("job:discard"),
    )
    return Page(
        "operations/jobs.html",
        {"page": page, "errors": errors, "idempotency_key": new_idempotency_key()},
        status=status,
        blocks=["backlog", "letters"],
        topics=["operations"],
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
