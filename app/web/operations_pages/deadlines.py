"""The clocks that run on redemptions: how they stand, by state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from app.domains.investments.queries.overview import redemptions_named
from app.domains.investments.queries.row_scope import visible_redemption_ids
from app.domains.investments.values import RedemptionName
from app.kernel.deadlines import (
    DeadlineState,
    DeadlineView,
    deadlines,
)
from app.kernel.errors import InputInvalid
from app.web.export import csv_of
from app.web.guards import requires
from app.web.paging import cursor_of, position_of
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

PAGE_SIZE = 50
# What is shown without a filter: what somebody may still have to act on, and what went wrong.
_NOTABLE = (DeadlineState.running, DeadlineState.paused, DeadlineState.breached)
_COLUMNS = (
    "id",
    "kind",
    "subject_kind",
    "subject_id",
    "reference",
    "client",
    "state",
    "started_at",
    "due_at",
    "stopped_at",
    "remaining_seconds",
    "total_seconds",
)

StateFilter = Annotated[str | None, QueryParameter(name="state")]


class DeadlineRow(msgspec.Struct, frozen=True, kw_only=True):
    """`redemption` is none where the clock runs on something else."""

    deadline: DeadlineView
    redemption: RedemptionName | None


class DeadlinesPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[DeadlineRow]
    state: str | None
    states: list[str]
    next_cursor: str | None


class Deadlines(Controller):
    """Within the viewer's row scope: a manager's own clients', a trader's approved ones."""

    path = "/deadlines"

    @get("/", guards=[requires("deadline:read")])
    @transactional(read_only=True)
    async def all(
        self,
        request: PortalRequest,
        in_state: StateFilter = None,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        states = _states(in_state)
        found = await deadlines(
            states=states,
            subject_ids=await visible_redemption_ids(),
            after=position_of(cursor),
            limit=PAGE_SIZE + 1,
        )
        shown = found[:PAGE_SIZE]
        last = shown[-1].timer if len(found) > PAGE_SIZE else None
        page = DeadlinesPage(
            rows=await named(shown),
            state=in_state or None,
            states=list(DeadlineState),
            next_cursor=cursor_of(last.due_at, last.id) if last else None,
        )
        return Page(
            "operations/deadlines.html",
            {"page": page},
            blocks=["rows"],
            topics=_topics(request),
        )

    @get("/export", guards=[requires("deadline:read")])
    async def export(self, request: PortalRequest, in_state: StateFilter = None) -> Stream:
        """Every row of the filter, not of the page."""
        states = _states(in_state)

        async def rows_after(last: DeadlineRow | None, limit: int) -> Sequence[DeadlineRow]:
            timer = last.deadline.timer if last else None
            return await named(
                await deadlines(
                    states=states,
                    subject_ids=await visible_redemption_ids(),
                    after=(timer.due_at, timer.id) if timer else None,
                    limit=limit,
                )
            )

        return csv_of(
            request,
            name=f"deadlines {in_state or ''}",
            columns=_COLUMNS,
            rows_after=rows_after,
            cells=lambda row: (
                row.deadline.timer.id,
                row.deadline.timer.kind,
                row.deadline.subject_kind,
                row.deadline.subject_id,
                row.redemption.reference if row.redemption else None,
                row.redemption.client_name if row.redemption else None,
                row.deadline.timer.state,
                row.deadline.timer.started_at,
                row.deadline.timer.due_at,
                row.deadline.timer.stopped_at,
                row.deadline.timer.remaining_seconds,
                row.deadline.timer.total_seconds,
            ),
        )


async def named(found: Sequence[DeadlineView]) -> list[DeadlineRow]:
    """Each with the redemption it runs on."""
    names = await redemptions_named(redemption_ids=[view.subject_id for view in found])
    return [DeadlineRow(deadline=view, redemption=names.get(view.subject_id)) for view in found]


def _states(text: str | None) -> Sequence[DeadlineState]:
    """The state to list, or what is notable; raises `InputInvalid` for one that does not exist."""
    if not text:
        return _NOTABLE
    try:
        return [DeadlineState(text)]
    except ValueError:
        raise InputInvalid.of(
            "state", "UNKNOWN_STATE", f"One of {', '.join(DeadlineState)}"
        ) from None


def _topics(request: PortalRequest) -> list[str]:
    actor = viewer_of(request).actor
    return [{"rm": f"rm:{actor.id}", "trader": "settlement"}.get(actor.role, "redemptions")]
