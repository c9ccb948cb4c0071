"""The clocks that run on redemptions: how they stand, by state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.response import Stream

from app.domains.investments.queries.overview import redemptions_named
from app.domains.investments.queries.row_scope import visible_redemption_ids
from app.domains.investments.values import RedemptionName
from app.kernel.deadlines import (
    DEADLINES,
    DeadlineFilter,
    DeadlineState,
    DeadlineView,
    deadline_count,
    deadline_kinds,
    deadlines,
)
from app.kernel.errors import InputInvalid
from app.kernel.sorting import Order, Place, Slice
from app.web.export import Sheet, amount, instant, text
from app.web.fields import choice_of, day_begins, day_ends
from app.web.guards import requires
from app.web.listing import Listed, ListOf
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, Viewer, viewer_of

WAITING = "waiting"
SHEET = Sheet(
    name="deadlines",
    title="Deadlines",
    columns=[
        text("reference", lambda row: row.redemption.reference if row.redemption else None),
        text("client", lambda row: row.redemption.client_name if row.redemption else None),
        text("kind", lambda row: row.deadline.timer.kind, "Clock"),
        text("state", lambda row: row.deadline.timer.state),
        instant("started_at", lambda row: row.deadline.timer.started_at),
        instant("due_at", lambda row: row.deadline.timer.due_at),
        instant("stopped_at", lambda row: row.deadline.timer.stopped_at),
        amount("remaining_seconds", lambda row: row.deadline.timer.remaining_seconds),
        amount("total_seconds", lambda row: row.deadline.timer.total_seconds),
        text("change", lambda row: WAITING if row.deadline.pending_approval_id else "", "Proposal"),
        text("subject_kind", lambda row: row.deadline.subject_kind, "Kind of subject"),
        text("subject_id", lambda row: row.deadline.subject_id, "Subject"),
        text("id", lambda row: row.deadline.timer.id, "Id"),
    ],
)


class DeadlineRow(msgspec.Struct, frozen=True, kw_only=True):
    """`redemption` is none where the clock runs on something else."""

    deadline: DeadlineView
    redemption: RedemptionName | None


class DeadlinesPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[DeadlineRow]
    states: list[str]
    kinds: list[str]
    listed: Listed


def _chosen(fields: Mapping[str, str], viewer: Viewer) -> DeadlineFilter:
    """Without a state, what somebody may still have to act on; days are whole days of the tenant.
    Raises `InputInvalid`."""
    state = choice_of(fields["state"], DeadlineState)
    zone = viewer.time_zone
    return DeadlineFilter(
        states=(state,) if state else (),
        is_open=state is None,
        kind=fields["kind"] or None,
        due_from=day_begins(fields["due_from"], field="due_from", zone=zone),
        due_before=day_ends(fields["due_to"], field="due_to", zone=zone),
        has_proposal=_waiting(fields["change"]),
    )


def _waiting(change: str) -> bool:
    """Raises `InputInvalid` for anything but `waiting`, or nothing."""
    if change not in ("", WAITING):
        raise InputInvalid.of("change", "INVALID", f"May be {WAITING}")
    return change == WAITING


async def _rows(
    *, chosen: DeadlineFilter, order: Order, after: Place | None, limit: int
) -> Slice[DeadlineRow]:
    found = await deadlines(chosen=await _visible(chosen), order=order, after=after, limit=limit)
    return Slice(await named(found), found.place)


async def _count(*, chosen: DeadlineFilter, limit: int) -> int:
    return await deadline_count(chosen=await _visible(chosen), limit=limit)


async def _visible(chosen: DeadlineFilter) -> DeadlineFilter:
    """Of those that the viewer may see."""
    return msgspec.structs.replace(chosen, subject_ids=await visible_redemption_ids())


async def _told(chosen: DeadlineFilter) -> Mapping[str, str]:
    return {"state": "not stopped"} if chosen.is_open else {}


async def named(found: Sequence[DeadlineView]) -> list[DeadlineRow]:
    """Each with the redemption it runs on."""
    names = await redemptions_named(redemption_ids=[view.subject_id for view in found])
    return [DeadlineRow(deadline=view, redemption=names.get(view.subject_id)) for view in found]


LIST = ListOf(
    path="/deadlines",
    fields=("state", "kind", "due_from", "due_to", "change"),
    sorting=DEADLINES,
    chosen=_chosen,
    read=_rows,
    count=_count,
    sheet=SHEET,
    told=_told,
)


class Deadlines(Controller):
    """Within the viewer's row scope: a manager's own clients', a trader's approved ones."""

    path = "/deadlines"

    @get("/", guards=[requires("deadline:read")])
    @transactional(read_only=True)
    async def all(self, request: PortalRequest) -> Page:
        shown = await LIST.shown(request)
        page = DeadlinesPage(
            rows=shown.rows,
            states=list(DeadlineState),
            kinds=await deadline_kinds(),
            listed=shown.listed,
        )
        return Page(
            "operations/deadlines.html",
            {"page": page},
            blocks=["rows"],
            topics=_topics(request),
        )

    @post("/export", status_code=200, guards=[requires("deadline:read")])
    async def export(self, request: PortalRequest) -> Stream:
        return await LIST.export(request)


def _topics(request: PortalRequest) -> list[str]:
    actor = viewer_of(request).actor
    return [{"rm": f"rm:{actor.id}", "trader": "settlement"}.get(actor.role, "redemptions")]
