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
from app.web.export import Sheet, amount, export_of, instant, text
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.listing import (
    COUNTED_MAX,
    PAGE_SIZE,
    Listed,
    day_begins,
    day_ends,
    fields_of,
    listed,
    taken,
)
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

FIELDS = ("kind", "error", "failed_from", "failed_to")
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
        return await jobs_page(request, fields=fields_of(request, FIELDS))

    @post("/export", status_code=200, guards=[requires("job:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """Every dead letter of the filter, not of the page, in the order of the page."""
        form = await read_form(request)
        fields = taken(form, FIELDS)
        order = DEAD_LETTERS.order(form.get("sort"))
        chosen = _chosen(fields, viewer_of(request))
        return await export_of(
            request,
            SHEET,
            read=lambda after, limit: dead_letters(
                chosen=chosen, order=order, after=after, limit=limit
            ),
            sort=order.text,
            form=form,
            filters=fields,
        )

    @post("/{job_id:str}/rerun", guards=[requires("job:rerun")])
    @transactional(idempotent=True)
    async def rerun(self, request: PortalRequest, job_id: FromPath[str]) -> Page | See:
        """Back to the list, filtered as it was."""
        form = await read_form(request)
        fields = taken(form, (*FIELDS, "sort", "cursor"))
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
    fields: dict[str, str],
    errors: Sequence[FieldError] = (),
    status: int = 200,
) -> Page:
    viewer = viewer_of(request)
    order = DEAD_LETTERS.order(fields["sort"])
    chosen = _chosen(fields, viewer)
    letters = await dead_letters(
        chosen=chosen, order=order, after=order.place(fields["cursor"] or None), limit=PAGE_SIZE
    )
    page = JobsPage(
        kinds=await backlog(),
        letters=letters,
        listed=listed(
            path="/jobs",
            fields=fields,
            order=order,
            default=DEAD_LETTERS.default,
            rows=letters,
            total=await dead_letter_count(chosen=chosen, limit=COUNTED_MAX + 1),
        ),
        may_rerun=viewer.actor.may("job:rerun"),
        may_discard=viewer.actor.may("job:discard"),
    )
    return Page(
        "operations/jobs.html",
        {"page": page, "errors": errors, "idempotency_key": new_idempotency_key()},
        status=status,
        blocks=["backlog", "letters"],
        topics=["operations"],
    )


def no_filter() -> dict[str, str]:
    """The fields of a list that is not filtered."""
    return dict.fromkeys((*FIELDS, "sort", "cursor"), "")


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> DeadLetterFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    zone = viewer.time_zone
    return DeadLetterFilter(
        kind=fields["kind"] or None,
        error=fields["error"],
        finished_from=day_begins(fields["failed_from"], field="failed_from", zone=zone),
        finished_before=day_ends(fields["failed_to"], field="failed_to", zone=zone),
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
