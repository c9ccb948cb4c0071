"""One redemption with what its viewer may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath

from app.domains.investments.forms import required_id, version_of
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.redemption_accept import accept_redemption
from app.domains.investments.operations.redemption_approve import (
    clear_redemption,
    decide_redemption,
)
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_hold import (
    cancel_held_redemption,
    hold_redemption,
    resume_redemption,
)
from app.domains.investments.operations.redemption_ready import mark_ready
from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.queries.redemptions import redemption
from app.kernel.approvals.values import Decision
from app.kernel.database import current, savepoint
from app.kernel.deadlines import Timer, TrailEntry, trails
from app.kernel.errors import DomainError, FieldError, NotFound
from app.web.forms import new_idempotency_key, read_form, refused
from app.web.guards import requires
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

Form = dict[str, str]
Act = Callable[[UUID, Form], Awaitable[None]]
# The form on the page that asks for a step, where it asks for two and is named after neither.
_FORMS = {
    "approve": "decide",
    "reject": "decide",
    "decline": "clear",
    "resume": "held",
    "cancel-held": "held",
}


class Redemptions(Controller):
    """One redemption with what its viewer may do."""

    path = "/redemptions"

    @get("/{redemption_id:str}", guards=[requires("redemption:read")])
    @transactional(read_only=True)
    async def one(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page:
        return await _shown(required_id(redemption_id))

    @post("/{redemption_id:str}/approve", guards=[requires("redemption:approve")])
    @transactional(idempotent=True, moves_money=True)
    async def approve(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        return await _step(request, redemption_id, _decide(Decision.approve))

    @post("/{redemption_id:str}/reject", guards=[requires("redemption:approve")])
    @transactional(idempotent=True, moves_money=True)
    async def reject(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        return await _step(request, redemption_id, _decide(Decision.reject))

    @post("/{redemption_id:str}/clear", guards=[requires("redemption:clear")])
    @transactional(idempotent=True, moves_money=True)
    async def clear(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        return await _step(request, redemption_id, _clear(Decision.approve))

    @post("/{redemption_id:str}/decline", guards=[requires("redemption:clear")])
    @transactional(idempotent=True, moves_money=True)
    async def decline(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        return await _step(request, redemption_id, _clear(Decision.reject))

    @post("/{redemption_id:str}/cancel", guards=[requires("redemption:request")])
    @transactional(idempotent=True, moves_money=True)
    async def cancel(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await cancel_redemption(redemption_id=found, version=version_of(form))

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/accept", guards=[requires("redemption:request")])
    @transactional(idempotent=True, moves_money=True)
    async def accept(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await accept_redemption(redemption_id=found, version=version_of(form))

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/ready", guards=[requires("redemption:settle")])
    @transactional(idempotent=True, moves_money=True)
    async def ready(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            source = required_id(form.get("source_account_id", ""), field="source_account_id")
            await mark_ready(
                redemption_id=found,
                source_account_id=source,
                note=form.get("note", ""),
                version=version_of(form),
            )

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/retry-payout", guards=[requires("redemption:retry")])
    @transactional(idempotent=True, moves_money=True)
    async def retry(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await retry_payout(redemption_id=found, version=version_of(form))

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/hold", guards=[requires("redemption:hold")])
    @transactional(idempotent=True, moves_money=True)
    async def hold(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await hold_redemption(
                redemption_id=found, note=form.get("note", ""), version=version_of(form)
            )

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/resume", guards=[requires("redemption:hold")])
    @transactional(idempotent=True, moves_money=True)
    async def resume(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await resume_redemption(
                redemption_id=found, note=form.get("note", ""), version=version_of(form)
            )

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/cancel-held", guards=[requires("redemption:hold")])
    @transactional(idempotent=True, moves_money=True)
    async def cancel_held(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            await cancel_held_redemption(
                redemption_id=found, note=form.get("note", ""), version=version_of(form)
            )

        return await _step(request, redemption_id, act)

    @post("/{redemption_id:str}/reassign", guards=[requires("approval:reassign")])
    @transactional(idempotent=True, moves_money=True)
    async def reassign(self, request: PortalRequest, redemption_id: FromPath[str]) -> Page | See:
        async def act(found: UUID, form: Form) -> None:
            to = required_id(form.get("to_membership_id", ""), field="to_membership_id")
            await reassign_redemption(
                redemption_id=found,
                to_membership_id=to,
                note=form.get("note", ""),
                version=version_of(form),
            )

        return await _step(request, redemption_id, act)


def _decide(decision: Decision) -> Act:
    async def act(found: UUID, form: Form) -> None:
        await decide_redemption(
            redemption_id=found,
            decision=decision,
            note=form.get("note", ""),
            version=version_of(form),
        )

    return act


def _clear(decision: Decision) -> Act:
    async def act(found: UUID, form: Form) -> None:
        await clear_redemption(
            redemption_id=found,
            decision=decision,
            note=form.get("note", ""),
            version=version_of(form),
        )

    return act


async def _step(request: PortalRequest, redemption_id: str, act: Act) -> Page | See:
    """Do it and show the redemption; where it is refused, with what was typed and what was wrong."""
    form = await read_form(request)
    found = required_id(redemption_id)
    try:
        async with savepoint():
            await act(found, form)
    except NotFound:
        raise
    except DomainError as refusal:
        step = request.url.path.rpartition("/")[2]
        return await _shown(
            found, form=form, step=step, errors=refused(refusal), status=refusal.status
        )
    return See(f"/redemptions/{found}")


async def _clocks(timers: list[Timer]) -> list[tuple[Timer, list[TrailEntry]]]:
    """Each with its trail, for those who may read it: the latest started first."""
    if not current().actor.may("deadline:read"):
        return []
    lines = await trails(deadline_ids=[timer.id for timer in timers])
    return [(timer, lines[timer.id]) for timer in reversed(timers)]


async def _shown(
    redemption_id: UUID,
    *,
    form: dict[str, str] | None = None,
    step: str = "",
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> Page:
    view = await redemption(redemption_id=redemption_id)
    context: dict[str, Any] = {
        "page": view,
        "clocks": await _clocks(view.deadlines),
        "form": form or {},
        "refused_form": _FORMS.get(step, step),
        "errors": errors or [],
        "idempotency_key": new_idempotency_key(),
    }
    topics = [f"redemption:{redemption_id}"]
    if view.accounts:
        topics.append("settlement")
    return Page(
        "investments/redemption.html",
        context,
        status=status,
        blocks=["status", "actions"],
        topics=topics,
    )
