"""One clock: how it stands, everything that happened to it, and what may be changed of it.

Nobody at this desk changes a clock alone: a change is proposed here by one person and decided here
by another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath

from app.domains.investments.forms import required_id
from app.domains.investments.policy import may_stand_still
from app.domains.investments.queries.row_scope import visible_deadline
from app.domains.investments.values import RedemptionName
from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import ApprovalState, Decision
from app.kernel.clock import seconds_until
from app.kernel.database import current, savepoint
from app.kernel.deadlines import (
    ChangeKind,
    ChangeView,
    DeadlineView,
    TrailEntry,
    changes_of,
    propose_extension,
    propose_pause,
    propose_resume,
    trail,
)
from app.kernel.deadlines.changes import DECIDES, LONGER_MAX, STARTS_FROM, later_end
from app.kernel.deadlines.values import marks_left_at
from app.kernel.errors import DomainError, FieldError, InputInvalid, NotFound
from app.kernel.notes import checked_reason
from app.web.fields import YEARS
from app.web.forms import new_idempotency_key, read_form, refused, typed_instant
from app.web.guards import requires
from app.web.operations_pages.deadlines import DeadlineRow, named
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of

Form = dict[str, str]
Act = Callable[[UUID, Form], Awaitable[object]]
_PROPOSES = {
    ChangeKind.extension: "deadline:extend",
    ChangeKind.pause: "deadline:pause",
    ChangeKind.resume: "deadline:pause",
}


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark that has not fired: when it stands now, and when it would."""

    fraction: Decimal
    before: datetime
    after: datetime


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """What more time comes to, before anybody is asked for it."""

    due_before: datetime
    due_at: datetime
    longer_seconds: int
    marks: list[Mark]


class DeadlinePage(msgspec.Struct, frozen=True, kw_only=True):
    """`can` holds what this viewer may do now: any of extension, pause, resume, decide. `pending` is
    what somebody has proposed and nobody decided; `extension` what the viewer is about to."""

    row: DeadlineRow
    trail: list[TrailEntry]
    changes: list[ChangeView]
    pending: ChangeView | None
    can: frozenset[str]
    longest_days: int
    extension: Extension | None

    @property
    def decided(self) -> list[ChangeView]:
        return [change for change in self.changes if change.state is not ApprovalState.pending]


class Deadline(Controller):
    """Within the viewer's row scope, like the list."""

    path = "/deadlines/{deadline_id:str}"

    @get("/", guards=[requires("deadline:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page:
        return await _shown(required_id(deadline_id))

    @post("/extend", status_code=200, guards=[requires("deadline:extend")])
    @transactional()
    async def preview(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page:
        """What it comes to: the same page, with the button that proposes it."""
        form = await read_form(request)
        view = await visible_deadline(deadline_id=required_id(deadline_id))
        try:
            extension = _extension(view, _typed_end(request, form, view))
            checked_reason(form.get("reason", ""), field="reason")
        except DomainError as refusal:
            return await _shown(
                view.timer.id, form=form, errors=refused(refusal), status=refusal.status
            )
        return await _shown(view.timer.id, form=form, extension=extension)

    @post("/extensions", guards=[requires("deadline:extend")])
    @transactional(idempotent=True)
    async def extend(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            due_at = _typed_end(request, form, await visible_deadline(deadline_id=found))
            await propose_extension(deadline_id=found, due_at=due_at, reason=form.get("reason", ""))

        return await _step(request, deadline_id, act)

    @post("/pause", guards=[requires("deadline:pause")])
    @transactional(idempotent=True)
    async def pause(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await propose_pause(deadline_id=found, reason=form.get("reason", ""))

        return await _step(request, deadline_id, act)

    @post("/resume", guards=[requires("deadline:pause")])
    @transactional(idempotent=True)
    async def resume(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await propose_resume(deadline_id=found, reason=form.get("reason", ""))

        return await _step(request, deadline_id, act)

    @post("/approve", guards=[requires("deadline:decide")])
    @transactional(idempotent=True)
    async def approve(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page | See:
        return await _step(request, deadline_id, _decide(Decision.approve))

    @post("/reject", guards=[requires("deadline:decide")])
    @transactional(idempotent=True)
    async def reject(self, request: PortalRequest, deadline_id: FromPath[str]) -> Page | See:
        return await _step(request, deadline_id, _decide(Decision.reject))


def _decide(decision: Decision) -> Act:
    async def act(found: UUID, form: Form) -> None:
        """On the proposal that the form was shown for, and on no other."""
        approval_id = required_id(form.get("approval_id", ""), field="approval_id")
        if approval_id not in {
            change.approval_id for change in await changes_of(deadline_id=found)
        }:
            raise InputInvalid.of("approval_id", "REQUIRED", "Reload the page and decide again")
        await decide(approval_id=approval_id, decision=decision, note=form.get("note", ""))

    return act


async def _step(request: PortalRequest, deadline_id: str, act: Act) -> Page | See:
    """Do it and show the clock; where it is refused, with what was typed and what was wrong."""
    form = await read_form(request)
    found = required_id(deadline_id)
    await visible_deadline(deadline_id=found)
    try:
        async with savepoint():
            await act(found, form)
    except NotFound:
        raise
    except DomainError as refusal:
        return await _shown(found, form=form, errors=refused(refusal), status=refusal.status)
    return See(f"/deadlines/{found}")


async def _shown(
    deadline_id: UUID,
    *,
    form: Form | None = None,
    errors: list[FieldError] | None = None,
    status: int = 200,
    extension: Extension | None = None,
) -> Page:
    view = await visible_deadline(deadline_id=deadline_id)
    (row,) = await named([view])
    changes = await changes_of(deadline_id=deadline_id)
    pending = next((one for one in changes if one.state is ApprovalState.pending), None)
    context: dict[str, Any] = {
        "page": DeadlinePage(
            row=row,
            trail=await trail(deadline_id=deadline_id),
            changes=changes,
            pending=pending,
            can=_possible(view, row.redemption, pending),
            longest_days=LONGER_MAX.days,
            extension=extension,
        ),
        "form": form or {},
        "typed_end": _end_to_the_second(form or {}),
        "errors": errors or [],
        "idempotency_key": new_idempotency_key(),
    }
    return Page(
        "operations/deadline.html",
        context,
        status=status,
        blocks=["deadline", "actions"],
        topics=[f"redemption:{view.subject_id}"],
    )


def _possible(
    view: DeadlineView, redemption: RedemptionName | None, pending: ChangeView | None
) -> frozenset[str]:
    """What the viewer may do now: the clock allows it, they are permitted, it is not their own."""
    actor = current().actor
    if redemption is None:
        return frozenset()
    if pending is not None:
        decides = actor.may(DECIDES) and pending.asked_by != actor.id
        return frozenset({"decide"} if decides else ())
    return frozenset(
        kind.value
        for kind, permission in _PROPOSES.items()
        if actor.may(permission)
        and view.timer.state == STARTS_FROM[kind]
        and (kind is ChangeKind.extension or may_stand_still(view.timer.kind, redemption.state))
    )


def _typed_end(request: PortalRequest, form: Form, view: DeadlineView) -> datetime:
    """The new end; typed to the minute, it is at the second at which the clock is due now."""
    typed = typed_instant(form, "due_at", time_zone=viewer_of(request).time_zone)
    if typed.second or typed.microsecond:
        return typed
    due_at = view.timer.due_at
    return typed.replace(second=due_at.second, microsecond=due_at.microsecond)


def _end_to_the_second(form: Form) -> datetime | None:
    """The end of a proposal that was confirmed, and refused: no field of day and time would show it
    as it was sent. None for one that was typed, or cannot be read."""
    try:
        end = datetime.fromisoformat(form.get("due_at", ""))
    except ValueError:
        return None
    return end if end.tzinfo and end.year in YEARS else None


def _extension(view: DeadlineView, due_at: datetime) -> Extension:
    """Raises `InputInvalid` for an end that nobody may propose."""
    later = later_end(due_at=due_at, due_now=view.timer.due_at)
    longer_seconds = seconds_until(later, view.timer.due_at)
    after = dict(marks_left_at(view, longer_seconds=longer_seconds))
    return Extension(
        due_before=view.timer.due_at,
        due_at=later,
        longer_seconds=longer_seconds,
        marks=[
            Mark(fraction=fraction, before=at, after=after[fraction])
            for fraction, at in marks_left_at(view)
        ],
    )
