"""The way of one redemption through a plan: who does what next, as its state then allows.

A step looks at the state first: what has been cancelled, lapsed or decided meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.demo.custodian import PastCustodian
from app.demo.plan import Custodian, Request
from app.domains.investments.operations.payout_retry import retry_payout
from app.domains.investments.operations.payout_settle import begin_payout, note_reference
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
from app.domains.investments.operations.redemption_quote import Portion, quote_redemption
from app.domains.investments.operations.redemption_ready import mark_ready
from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.public import RedemptionState as State
from app.kernel.actors import SYSTEM, Actor
from app.kernel.approvals.values import Decision
from app.kernel.database import acting, fetch_row, fetch_value
from app.kernel.jobs.running import run_job
from app.kernel.jobs.values import JobRef

if TYPE_CHECKING:
    from app.demo.history import History

_RESUMED = "Cleared; it may go on."
_GIVEN_UP = "The matter could not be cleared up; the client was told."
_AWAY = "The manager is away this week."


class Requesting:
    def __init__(self, history: History, custodian: PastCustodian) -> None:
        self.history = history
        self.custodian = custodian
        self.redemptions: dict[str, UUID] = {}
        deposits = {deposit.key: deposit for deposit in history.plan.deposits}
        self._deposit_of = {one.key: deposits[one.deposit] for one in history.plan.requests}
        self._manager_of = {client.key: client.manager for client in history.plan.clients}
        self._asset_of = {product.name: product.spec.asset for product in history.plan.products}

    async def ask(self, now: datetime, request: Request) -> None:
        deposit, history = self._deposit_of[request.key], self.history
        subscription_id = history.subscriptions[deposit.key]
        asset = self._asset_of[deposit.product]
        portion = Portion(fraction=request.fraction)
        with acting(actor=self._client(request), at=now):
            # At the same instant: a midnight between the two would move the price.
            quote = await quote_redemption(subscription_id=subscription_id, portion=portion)
            self.redemptions[request.key] = await request_redemption(
                subscription_id=subscription_id,
                portion=portion,
                destination_id=history.destinations[deposit.client, asset],
                quote_id=quote.id,
            )
        for when, step in (
            (request.cancelled_at, self._cancel),
            (request.reassigned_at, self._reassign),
            (request.decided_at, self._decide),
            (request.held_at, self._hold),
            (request.resumed_at, self._resume),
            (request.given_up_at, self._give_up),
        ):
            if when is not None:
                history.at(when, step, request)

    async def _cancel(self, now: datetime, request: Request) -> None:
        with acting(actor=self._client(request), at=now):
            if await self._state(request) in (State.pending_approval, State.awaiting_client):
                await cancel_redemption(redemption_id=self._id(request))

    async def _reassign(self, now: datetime, request: Request) -> None:
        with acting(actor=self._person("ops"), at=now):
            if await self._state(request) is State.pending_approval:
                await reassign_redemption(
                    redemption_id=self._id(request),
                    to_membership_id=_id(self._manager(request, is_reassigned=True)),
                    note=_AWAY,
                )

    async def _decide(self, now: datetime, request: Request) -> None:
        manager = self._manager(request, is_reassigned=request.reassigned_at is not None)
        with acting(actor=manager, at=now):
            if await self._state(request) is State.pending_approval:
                await decide_redemption(
                    redemption_id=self._id(request),
                    decision=Decision.approve if request.is_approved else Decision.reject,
                    note="" if request.held_at or not request.is_cleared else request.note,
                )
                await self._go_on(now, request)

    async def _clear(self, now: datetime, request: Request) -> None:
        with acting(actor=self._person("compliance"), at=now):
            if await self._state(request) is State.pending_compliance:
                await clear_redemption(
                    redemption_id=self._id(request),
                    decision=Decision.approve if request.is_cleared else Decision.reject,
                    note="" if request.is_cleared else request.note,
                )
                await self._go_on(now, request)

    async def _answer(self, now: datetime, request: Request) -> None:
        if not request.is_accepted:
            await self._cancel(now, request)
            return
        with acting(actor=self._client(request), at=now):
            if await self._state(request) is State.awaiting_client:
                await accept_redemption(redemption_id=self._id(request))
                await self._go_on(now, request)

    async def _go_on(self, now: datetime, request: Request) -> None:
        """Plan what the state that a decision led to calls for."""
        next_steps: Mapping[State, tuple[timedelta | None, Any]] = {
            State.pending_compliance: (request.cleared_after, self._clear),
            State.awaiting_client: (request.answered_after, self._answer),
            State.approved: (request.ready_after, self._ready),
        }
        after, step = next_steps.get(await self._state(request), (None, None))
        if after is not None:
            when = now + after
            if request.ends is State.completed and step == self._ready:
                # Traders keep office hours as well; what is open today is timed to the minute.
                when = self.history.calendar.in_office(when)
            self.history.at(when, step, request)

    async def _hold(self, now: datetime, request: Request) -> None:
        with acting(actor=self._person("compliance"), at=now):
            if await self._state(request) in (State.pending_approval, State.approved):
                await hold_redemption(redemption_id=self._id(request), note=request.note)

    async def _resume(self, now: datetime, request: Request) -> None:
        with acting(actor=self._person("compliance"), at=now):
            if await self._state(request) is State.on_hold:
                await resume_redemption(redemption_id=self._id(request), note=_RESUMED)

    async def _give_up(self, now: datetime, request: Request) -> None:
        with acting(actor=self._person("compliance"), at=now):
            if await self._state(request) is State.on_hold:
                await cancel_held_redemption(redemption_id=self._id(request), note=_GIVEN_UP)

    async def _ready(self, now: datetime, request: Request) -> None:
        product = self._deposit_of[request.key].product
        with acting(actor=self._trader(now), at=now):
            if await self._state(request) is not State.approved:
                return
            await mark_ready(
                redemption_id=self._id(request),
                source_account_id=self.history.staging[product],
            )
        if request.is_sent:
            self.history.at(now + timedelta(seconds=2), self._send, request)

    async def _send(self, now: datetime, request: Request) -> None:
        """What the worker does: the payout's own job, or the half of it that a slow one has done."""
        self.custodian.answers = request.custodian
        with acting(actor=SYSTEM, at=now):
            payout_id, job = await self._payout(request)
            if request.custodian is Custodian.is_slow:
                begun = await begin_payout(payout_id=payout_id)
                assert isinstance(begun, tuple), "nothing halts it"
                reference = self.custodian.take_on(begun[0])
                await note_reference(payout_id=payout_id, reference=reference)
                return
            if await run_job(job) is not None:
                raise RuntimeError(f"the payout of {request.key} did not go through")
            failed = await self._state(request) is State.payout_failed
        if failed and request.retried_after is not None:
            self.history.at(now + request.retried_after, self._retry, request)

    async def _retry(self, now: datetime, request: Request) -> None:
        with acting(actor=self._trader(now), at=now):
            await retry_payout(redemption_id=self._id(request))
        self.custodian.answers = Custodian.pays
        with acting(actor=SYSTEM, at=now + timedelta(seconds=2)):
            _, job = await self._payout(request)
            if await run_job(job) is not None:
                raise RuntimeError(f"the second payout of {request.key} did not go through")

    async def _payout(self, request: Request) -> tuple[UUID, JobRef]:
        row = await fetch_row(
            "SELECT y.id, j.id AS job_id, j.kind FROM payout y"
            " JOIN job j ON j.kind = 'payout.send' AND j.key = y.id::text"
            " WHERE y.redemption_id = $1 AND y.state = 'pending'",
            self._id(request),
        )
        assert row is not None, "what is ready has a payout and a job"
        return row["id"], JobRef(self.history.tenant_id, row["job_id"], row["kind"])

    async def _state(self, request: Request) -> State:
        return State(
            await fetch_value("SELECT state FROM redemption WHERE id = $1", self._id(request))
        )

    def _id(self, request: Request) -> UUID:
        return self.redemptions[request.key]

    def _client(self, request: Request) -> Actor:
        return self._person(self._deposit_of[request.key].client)

    def _manager(self, request: Request, *, is_reassigned: bool = False) -> Actor:
        manager = self._manager_of[self._deposit_of[request.key].client]
        if is_reassigned:
            manager = "rm2" if manager == "rm" else "rm"
        return self._person(manager)

    def _trader(self, now: datetime) -> Actor:
        """They take turns, a day each."""
        return self._person("trader" if now.toordinal() % 2 else "trader2")

    def _person(self, key: str) -> Actor:
        return self.history.people[key]


def _id(actor: Actor) -> UUID:
    assert actor.id is not None, "demo people are members"
    return actor.id
