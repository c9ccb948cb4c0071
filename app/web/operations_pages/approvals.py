"""Every request for approval: what it waits for, and who decided what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from app.domains.identity.public import names_of
from app.domains.investments.queries.overview import redemptions_named
from app.domains.investments.queries.screening import ClientNamed, clients_of_tier_changes
from app.domains.investments.values import RedemptionName
from app.kernel.approvals.queries import approvals
from app.kernel.approvals.values import ApprovalState, ApprovalView
from app.kernel.database import current
from app.kernel.deadlines import ChangeView, changes_by_approval, subjects_of
from app.kernel.errors import InputInvalid
from app.web.api import cursor_id
from app.web.export import csv_of
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50
_COLUMNS = (
    "id",
    "subject_kind",
    "subject_id",
    "reference",
    "client",
    "state",
    "waits_for",
    "requested_by",
    "requested_at",
    "decided_at",
    "votes",
)

StateFilter = Annotated[str | None, QueryParameter(name="state")]


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
    rows: list[ApprovalRow]
    state: str | None
    states: list[str]
    next_cursor: str | None


class ApprovalRecords(Controller):
    """A relationship manager finds those that name them; whoever oversees, all of the tenant."""

    path = "/approval-records"

    @get("/", guards=[requires("approval:read")])
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: StateFilter = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        found = await _rows(
            state=_state(in_state), after=cursor_id(cursor or None), limit=PAGE_SIZE + 1
        )
        rows = found[:PAGE_SIZE]
        actor = viewer_of(request).actor
        page = ApprovalRecordsPage(
            rows=rows,
            state=in_state or None,
            states=list(ApprovalState),
            next_cursor=str(rows[-1].approval.id) if len(found) > PAGE_SIZE else None,
        )
        return Page(
            "operations/approvals.html",
            {"page": page},
            blocks=["rows"],
            topics=[f"rm:{actor.id}" if actor.role == "rm" else "redemptions"],
        )

    @get("/export", guards=[requires("approval:read")])
    async def export(self, request: PortalRequest, in_state: StateFilter = None) -> Stream:
        """Every row of the filter, not of the page."""
        state = _state(in_state)

        async def rows_after(last: ApprovalRow | None, limit: int) -> Sequence[ApprovalRow]:
            return await _rows(state=state, after=last.approval.id if last else None, limit=limit)

        return csv_of(
            request,
            name=f"approvals {in_state or ''}",
            columns=_COLUMNS,
            rows_after=rows_after,
            cells=lambda row: (
                row.approval.id,
                row.approval.subject_kind,
                row.approval.subject_id,
                row.redemption.reference if row.redemption else None,
                row.redemption.client_name if row.redemption else row.client and row.client.name,
                row.approval.state,
                row.waits_for,
                row.requested_by,
                row.approval.requested_at,
                row.approval.decided_at,
                "; ".join(
                    f"{vote.name}: {vote.decision}" + (f" ({vote.note})" if vote.note else "")
                    for vote in row.approval.decisions
                ),
            ),
        )


async def _rows(
    *, state: ApprovalState | None, after: UUID | None, limit: int
) -> list[ApprovalRow]:
    actor = current().actor
    found = await approvals(
        state=state, approver=actor.id if actor.role == "rm" else None, after=after, limit=limit
    )
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
    return [
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


def _waits_for(view: ApprovalView, names: dict[UUID, str]) -> str:
    if view.state is not ApprovalState.pending:
        return ""
    stage = view.stages[view.stage]
    named = ", ".join(names.get(approver, "") for approver in stage.approvers or [])
    return f"{stage.name}: {named}" if named else stage.name


def _state(text: str | None) -> ApprovalState | None:
    """The state to list, none for all; raises `InputInvalid` for one that does not exist."""
    if not text:
        return None
    try:
        return ApprovalState(text)
    except ValueError:
        raise InputInvalid.of(
            "state", "UNKNOWN_STATE", f"One of {', '.join(ApprovalState)}"
        ) from None
