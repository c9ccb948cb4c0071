"""Every request for approval: what it waits for, and who decided what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.identity.public import names_of
from app.domains.investments.queries.overview import redemptions_named
from app.domains.investments.queries.screening import ClientNamed, clients_of_tier_changes
from app.domains.investments.values import RedemptionName
from app.kernel.approvals.queries import (
    APPROVALS,
    ApprovalFilter,
    approval_count,
    approvals,
)
from app.kernel.approvals.values import ApprovalState, ApprovalView
from app.kernel.deadlines import ChangeView, changes_by_approval, subjects_of
from app.kernel.sorting import Order, Place, Slice
from app.web.export import Sheet, instant, text
from app.web.fields import choice_of, day_begins, day_ends
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """`redemption` is that of the request, or the one whose clock `change` is about; `client` is
    whose tier it would change. `waits_for` names who may decide now, `page` is where."""

    approval: ApprovalView
    redemption: RedemptionName | None
    client: ClientNamed | None
    change: ChangeView | None
    page: str
    requested_by: str
    waits_for: str


class ApprovalRecordsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[ApprovalRow]
    states: list[str]
    listed: Listed


def _client(row: ApprovalRow) -> str | None:
    if row.redemption:
        return row.redemption.client_name
    return row.client.name if row.client else None


def _votes(row: ApprovalRow) -> str:
    return "; ".join(
        f"{vote.name}: {vote.decision}" + (f" ({vote.note})" if vote.note else "")
        for vote in row.approval.decisions
    )


SHEET = Sheet(
    name="approvals",
    title="Approval records",
    columns=[
        text("reference", lambda row: row.redemption.reference if row.redemption else None),
        text("client", _client),
        text("state", lambda row: row.approval.state),
        text("waits_for", lambda row: row.waits_for),
        text("requested_by", lambda row: row.requested_by, "Asked by"),
        instant("requested_at", lambda row: row.approval.requested_at, "Asked at"),
        instant("decided_at", lambda row: row.approval.decided_at),
        text("votes", _votes),
        text("subject_kind", lambda row: row.approval.subject_kind, "Kind of subject"),
        text("subject_id", lambda row: row.approval.subject_id, "Subject"),
        text("id", lambda row: row.approval.id, "Id"),
    ],
)


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> ApprovalFilter:
    """Days are whole days of the tenant. Raises `InputInvalid`."""
    actor, zone = viewer.actor, viewer.time_zone
    return ApprovalFilter(
        state=choice_of(fields["state"], ApprovalState),
        approver=actor.id if actor.role == "rm" else None,
        requested_from=day_begins(fields["requested_from"], field="requested_from", zone=zone),
        requested_before=day_ends(fields["requested_to"], field="requested_to", zone=zone),
    )


async def _rows(
    *, chosen: ApprovalFilter, order: Order, after: Place | None, limit: int
) -> Slice[ApprovalRow]:
    found = await approvals(chosen=chosen, order=order, after=after, limit=limit)
    changes = await changes_by_approval(approval_ids=[view.id for view in found])
    clocks = await subjects_of(deadline_ids=[one.deadline_id for one in changes.values()])
    redemptions = await redemptions_named(
        redemption_ids=[clocks.get(view.subject_id, view.subject_id) for view in found]
    )
    clients = await clients_of_tier_changes(change_ids=[view.subject_id for view in found])
    people = {view.requested_by for view in found if view.requested_by is not None}
    for view in found:
        for stage in view.stages:
            people.update(stage.approvers or [])
    names = await names_of(membership_ids=sorted(people))
    rows = [
        ApprovalRow(
            approval=view,
            redemption=redemptions.get(clocks.get(view.subject_id, view.subject_id)),
            client=clients.get(view.subject_id),
            change=changes.get(view.id),
            page=f"/{'deadlines' if view.id in changes else 'redemptions'}/{view.subject_id}",
            requested_by=names.get(view.requested_by, "") if view.requested_by else "",
            waits_for=_waits_for(view, names),
        )
        for view in found
    ]
    return Slice(rows, found.place)


def _waits_for(view: ApprovalView, names: dict[UUID, str]) -> str:
    if view.state is not ApprovalState.pending:
        return ""
    stage = view.stages[view.stage]
    named = ", ".join(names.get(approver, "") for approver in stage.approvers or [])
    return f"{stage.name}: {named}" if named else stage.name


RECORDS = ListOf(
    path="/approval-records",
    fields=("state", "requested_from", "requested_to"),
    sorting=APPROVALS,
    chosen=_chosen,
    read=_rows,
    count=approval_count,
    sheet=SHEET,
)


class ApprovalRecords(Controller):
    """A relationship manager finds those that name them; whoever oversees, all of the tenant."""

    path = "/approval-records"

    @get("/", guards=[requires("approval:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await RECORDS.shown(request)
        page = ApprovalRecordsPage(rows=shown.rows, states=list(ApprovalState), listed=shown.listed)
        actor = viewer_of(request).actor
        return Page(
            "operations/approvals.html",
            {"page": page},
            blocks=["rows"],
            topics=[f"rm:{actor.id}" if actor.role == "rm" else "redemptions"],
        )

    @post("/export", status_code=200, guards=[requires("approval:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await RECORDS.export(request)
