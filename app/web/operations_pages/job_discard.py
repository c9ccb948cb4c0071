"""Giving a dead letter up: what stays undone is said before it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath

from app.domains.investments.forms import required_id
from app.kernel.database import savepoint
from app.kernel.errors import DomainError, FieldError, NotFound
from app.kernel.jobs import JobNotDead, discard, discarding
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.operations_pages.jobs import jobs_page
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class JobDiscard(Controller):
    path = "/jobs/{job_id:str}/discard"

    @get("/", guards=[requires("job:discard")])
    @transactional(read_only=True)
    async def asked(self, request: PortalRequest, job_id: FromPath[str]) -> Page:
        return await _shown(required_id(job_id))

    @post("/", guards=[requires("job:discard")])
    @transactional(idempotent=True)
    async def discard(self, request: PortalRequest, job_id: FromPath[str]) -> Page | See:
        """Back to the list; where somebody was faster, that list with what was refused."""
        form = await read_form(request)
        wanted = required_id(job_id)
        try:
            async with savepoint():
                await discard(job_id=wanted, reason=form.get("reason", ""))
        except NotFound:
            raise
        except JobNotDead as refusal:
            return await jobs_page(request, errors=refused(refusal), status=refusal.status)
        except DomainError as refusal:
            return await _shown(wanted, form=form, errors=refused(refusal), status=refusal.status)
        return See("/jobs")


async def _shown(
    job_id: UUID,
    *,
    form: dict[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    status: int = 200,
) -> Page:
    return Page(
        "operations/discard.html",
        {
            "page": await discarding(job_id=job_id),
            "form": form or {},
            "errors": errors,
            "idempotency_key": new_idempotency_key(),
        },
        status=status,
    )
