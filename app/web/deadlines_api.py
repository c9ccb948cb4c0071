"""One clock over REST, and what may be proposed of it. Approvals are decided where all are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from app.domains.investments.operations.redemption_clock_change import NotOnHold
from app.domains.investments.queries.row_scope import visible_deadline
from app.kernel.deadlines import (
    ChangePending,
    ChangeView,
    DeadlineNotRunning,
    TrailEntry,
    changes_of,
    propose_extension,
    propose_pause,
    propose_resume,
    trail,
)
from app.web.api import Envelope, envelope
from app.web.guards import requires
from app.web.kernel_schemas import DeadlineOut, deadline_out
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

# RFC 3339 with its offset: an instant without one could mean any.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]
_REASON = {"reason": ["REQUIRED", "TOO_LONG"]}


class ExtensionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`due_at` is the new end, counted in whole seconds from the old one."""

    due_at: Instant
    reason: Reason


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason


class TrailOut(msgspec.Struct, frozen=True, kw_only=True):
    """`state` and `due_at` are those after it. Where two people changed the clock, `asked_by` is
    who proposed it, `actor` who approved."""

    version: int
    event: str
    fraction: str | None
    state: str
    due_at: datetime
    at: datetime
    actor: str
    asked_by: str
    approval_id: UUID | None
    reason: str


class ChangeOut(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is its approval's. `due_at` is the new end of an extension; `decided_by` is empty
    where nobody decided: it waits, or the clock stopped first."""

    approval_id: UUID
    deadline_id: UUID
    kind: str
    due_at: datetime | None
    reason: str
    asked_by: UUID | None
    asked_by_name: str
    asked_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None
    note: str


class DeadlineWithTrailOut(DeadlineOut, frozen=True, kw_only=True):
    """`trail` in order; `changes`, all that was ever proposed, the latest first."""

    trail: list[TrailOut]
    changes: list[ChangeOut]


class Deadlines(Controller):
    path = "/deadlines"
    tags = ["Deadlines"]

    @get(
        "/{deadline_id:uuid}",
        guards=[requires("deadline:read")],
        summary="One timer, its trail, and what was proposed of it",
    )
    @transactional(read_only=True)
    async def one(
        self, request: PortalRequest, deadline_id: FromPath[UUID]
    ) -> Envelope[DeadlineWithTrailOut]:
        view = await visible_deadline(deadline_id=deadline_id)
        found = DeadlineWithTrailOut(
            **msgspec.structs.asdict(deadline_out(view)),
            trail=[_line_out(line) for line in await trail(deadline_id=deadline_id)],
            changes=[_change_out(one) for one in await changes_of(deadline_id=deadline_id)],
        )
        return envelope(request, found)

    @post(
        "/{deadline_id:uuid}/extensions",
        guards=[requires("deadline:extend")],
        refusals=[DeadlineNotRunning, ChangePending],
        rules=_REASON | {"due_at": ["NOT_LATER", "TOO_LATE"]},
        summary="Propose a later end, by at most 30 days; somebody else decides",
    )
    @transactional(idempotent=True)
    async def extend(
        self, request: PortalRequest, deadline_id: FromPath[UUID], data: JSONBody[ExtensionBody]
    ) -> Envelope[ChangeOut]:
        approval_id = await propose_extension(
            deadline_id=deadline_id, due_at=data.due_at, reason=data.reason
        )
        return await _proposed(request, deadline_id, approval_id)

    @post(
        "/{deadline_id:uuid}/pause",
        guards=[requires("deadline:pause")],
        refusals=[DeadlineNotRunning, ChangePending, NotOnHold],
        rules=_REASON,
        summary="Propose that the payout's clock of a held redemption stand still",
    )
    @transactional(idempotent=True)
    async def pause(
        self, request: PortalRequest, deadline_id: FromPath[UUID], data: JSONBody[ReasonBody]
    ) -> Envelope[ChangeOut]:
        approval_id = await propose_pause(deadline_id=deadline_id, reason=data.reason)
        return await _proposed(request, deadline_id, approval_id)

    @post(
        "/{deadline_id:uuid}/resume",
        guards=[requires("deadline:pause")],
        refusals=[DeadlineNotRunning, ChangePending, NotOnHold],
        rules=_REASON,
        summary="Propose that a paused clock run on",
    )
    @transactional(idempotent=True)
    async def resume(
        self, request: PortalRequest, deadline_id: FromPath[UUID], data: JSONBody[ReasonBody]
    ) -> Envelope[ChangeOut]:
        approval_id = await propose_resume(deadline_id=deadline_id, reason=data.reason)
        return await _proposed(request, deadline_id, approval_id)


async def _proposed(
    request: PortalRequest, deadline_id: UUID, approval_id: UUID
) -> Envelope[ChangeOut]:
    changes = await changes_of(deadline_id=deadline_id)
    made = next(change for change in changes if change.approval_id == approval_id)
    return envelope(request, _change_out(made))


def _line_out(line: TrailEntry) -> TrailOut:
    return TrailOut(
        version=line.version,
        event=line.event.value,
        fraction=None if line.fraction is None else format(line.fraction.normalize(), "f"),
        state=line.state.value,
        due_at=line.due_at,
        at=line.at,
        actor=line.actor_name,
        asked_by=line.asked_by,
        approval_id=line.approval_id,
        reason=line.reason,
    )


def _change_out(change: ChangeView) -> ChangeOut:
    return ChangeOut(
        approval_id=change.approval_id,
        deadline_id=change.deadline_id,
        kind=change.kind.value,
        due_at=change.due_at,
        reason=change.reason,
        asked_by=change.asked_by,
        asked_by_name=change.asked_by_name,
        asked_at=change.asked_at,
        state=change.state.value,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        note=change.note,
    )


ROUTES = [Deadlines]
