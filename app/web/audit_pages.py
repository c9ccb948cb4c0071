"""The audit trail as a page: searched, opened, exported. What is personal was masked as each record
was written, so a page and a file show what the chain holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Controller, get, post
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from app.kernel import audit
from app.kernel.audit.queries import PAGE_RECORDS_MAX, records
from app.kernel.audit.values import AuditRecordView
from app.kernel.database import unit_of_work
from app.kernel.errors import InputInvalid
from app.kernel.ids import new_id
from app.web.api import cursor_id
from app.web.export import written
from app.web.forms import read_form, refuse_control_characters
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

PAGE_SIZE = 50
YEARS = range(1970, 3000)
FILTERS = ("actor", "action", "q", "subject_kind", "subject", "from", "to")


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[AuditRecordView]
    filters: dict[str, str]
    next_cursor: str | None


class AuditPages(Controller):
    path = "/audit"

    @get("/", guards=[requires("audit:read")])
    @transactional(read_only=True)
    async def search(
        self,
        request: PortalRequest,
        actor: FromQuery[str | None] = None,
        action: FromQuery[str | None] = None,
        q: FromQuery[str | None] = None,
        subject_kind: FromQuery[str | None] = None,
        subject: FromQuery[str | None] = None,
        since: Annotated[str | None, QueryParameter(name="from")] = None,
        until: Annotated[str | None, QueryParameter(name="to")] = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        given = (actor, action, q, subject_kind, subject, since, until)
        filters = {name: (text or "").strip() for name, text in zip(FILTERS, given, strict=True)}
        found = await records(
            **_conditions(filters, viewer_of(request)),
            before_id=cursor_id(cursor or None),
            limit=PAGE_SIZE + 1,
        )
        rows = found[:PAGE_SIZE]
        page = AuditPage(
            rows=rows,
            filters=filters,
            next_cursor=str(rows[-1].id) if len(found) > PAGE_SIZE else None,
        )
        return Page("audit/search.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("audit:read")])
    @transactional()
    async def export(self, request: PortalRequest) -> Stream:
        """Every record that matches, as CSV. That it was taken out is on record before it is sent."""
        form = await read_form(request)
        viewer = viewer_of(request)
        filters = {name: form.get(name, "") for name in FILTERS}
        conditions = _conditions(filters, viewer)
        # What comes later, the record of this export first, is not in it.
        before_id = new_id()
        await audit.record(
            action="audit.export",
            subject_kind="tenant",
            subject_id=viewer.tenant.id,
            after={"format": "csv", "filters": {k: v for k, v in filters.items() if v}},
        )
        return Stream(
            _csv(viewer, conditions, before_id),
            media_type="text/csv",
            headers={
                "Content-Disposition": 'attachment; filename="audit.csv"',
                "Cache-Control": "no-store",
            },
        )


async def _csv(viewer: Viewer, conditions: dict[str, Any], before_id: UUID) -> AsyncIterator[str]:
    """Page by page, each in a short unit of work of its own: no transaction waits for a reader."""
    columns = AuditRecordView.__struct_fields__
    yield written(columns)
    last: UUID | None = before_id
    while last is not None:
        async with unit_of_work(tenant=viewer.tenant.id, actor=viewer.actor, read_only=True):
            found = await records(**conditions, before_id=last, limit=PAGE_RECORDS_MAX)
        yield "".join(written([_cell(getattr(row, name)) for name in columns]) for row in found)
        last = found[-1].id if len(found) == PAGE_RECORDS_MAX else None


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _conditions(filters: dict[str, str], viewer: Viewer) -> dict[str, Any]:
    """What `records` takes. An actor is an id or any part of a name; the days are whole days of the
    tenant, both included. Raises `InputInvalid`."""
    for name, text in filters.items():
        refuse_control_characters(text, field=name)
    zone = ZoneInfo(viewer.time_zone)
    actor_id = _id(filters["actor"])
    subject_id = _id(filters["subject"])
    if filters["subject"] and subject_id is None:
        raise InputInvalid.of("subject", "INVALID", "Write the whole id, as records show it")
    first, last = _day(filters["from"], field="from"), _day(filters["to"], field="to")
    return {
        "actor_id": actor_id,
        "actor_name": "" if actor_id else filters["actor"],
        "action": filters["action"],
        "words": filters["q"],
        "subject_kind": filters["subject_kind"] or None,
        "subject_id": subject_id,
        "recorded_from": first and datetime.combine(first, clock(), zone),
        "recorded_before": last and datetime.combine(last + timedelta(days=1), clock(), zone),
    }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str, *, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid.of(field, "INVALID", "Write a day as 2026-03-02") from error
    if day.year not in YEARS:
        raise InputInvalid.of(field, "OUT_OF_RANGE", "Write a day of our time")
    return day


ROUTES: list[Any] = [AuditPages]
