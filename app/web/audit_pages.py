"""The audit trail as a page: searched, opened, exported. What is personal was masked as each record
was written, so a page and a file show what the chain holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.kernel.audit.queries import AUDIT_RECORDS, AuditFilter, record_count, records
from app.kernel.audit.values import AuditRecordView
from app.kernel.errors import InputInvalid
from app.web.export import Sheet, instant, text
from app.web.fields import day_begins, day_ends, id_or_words
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


SHEET = Sheet(
    name="audit",
    title="Audit trail",
    columns=[
        instant("recorded_at", lambda row: row.recorded_at),
        instant("business_at", lambda row: row.business_at),
        text("actor_name", lambda row: row.actor_name, "Who"),
        text("actor_role", lambda row: row.actor_role, "Role"),
        text("action", lambda row: row.action),
        text("subject_kind", lambda row: row.subject_kind, "Kind of subject"),
        text("subject_id", lambda row: row.subject_id, "Subject"),
        text("before", lambda row: _json(row.before)),
        text("after", lambda row: _json(row.after)),
        text("request_id", lambda row: row.request_id, "Request"),
        text("address", lambda row: row.address),
        text("actor_id", lambda row: row.actor_id, "Id of who"),
        text("id", lambda row: row.id, "Record"),
    ],
)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> AuditFilter:
    """An actor is an id or any part of a name; the days are whole days of the tenant, both included.
    Raises `InputInvalid`."""
    actor_id, actor_name = id_or_words(fields["actor"])
    subject_id, other = id_or_words(fields["subject"])
    if other:
        raise InputInvalid.of("subject", "INVALID", "Write the whole id, as records show it")
    return AuditFilter(
        actor_id=actor_id,
        actor_name=actor_name,
        action=fields["action"],
        words=fields["q"],
        subject_kind=fields["subject_kind"] or None,
        subject_id=subject_id,
        recorded_from=day_begins(fields["from"], field="from", zone=viewer.time_zone),
        recorded_before=day_ends(fields["to"], field="to", zone=viewer.time_zone),
    )


TRAIL = ListOf(
    path="/audit",
    fields=("actor", "action", "q", "subject_kind", "subject", "from", "to"),
    sorting=AUDIT_RECORDS,
    chosen=_chosen,
    read=records,
    count=record_count,
    sheet=SHEET,
)


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[AuditRecordView]
    listed: Listed


class AuditPages(Controller):
    path = "/audit"

    @get("/", guards=[requires("audit:read")])
    @transactional(read_only=True)
    async def search(self, request: PortalRequest) -> Page:
        shown = await TRAIL.shown(request)
        page = AuditPage(rows=shown.rows, listed=shown.listed)
        return Page("audit/search.html", {"page": page})

    @post("/export", status_code=200, guards=[requires("audit:read")])
    async def export(self, request: PortalRequest) -> Stream:
        """The record of this export is not among them."""
        return await TRAIL.export(request)


ROUTES: list[Any] = [AuditPages]
