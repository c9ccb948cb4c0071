"""R6: long random sequences over ledger, units and approvals, each step beside a plain model.

Hypothesis chooses the steps and shrinks what fails; the operations and the database are the real
ones, with workers, relay and everybody else running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings, strategies
from hypothesis import seed as seeded
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

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
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.public import confirm_deposit, open_subscription
from app.domains.investments.queries.redemptions import redemption
from app.domains.investments.queries.subscriptions import subscription
from app.domains.investments.values import RedemptionState as State
from app.kernel.actors import SYSTEM
from app.kernel.approvals.values import Decision
from app.kernel.database import unit_of_work
from app.kernel.errors import DomainError
from app.kernel.ids import new_id
from app.kernel.ledger.errors import BalanceTooLow, EntryReversedAlready
from app.kernel.ledger.operations import post_entries, reverse_entry
from app.kernel.ledger.queries import balances
from drills.drill import Drill, Round
from drills.soundness import assert_sound
from tests.support.books import Book, a_book
from tests.support.desk import Desk

SEQUENCES, SEQUENCES_SHORT = 50, 4
STEPS, STEPS_SHORT = 50, 15
CLIENTS = 3
DEPOSIT = Decimal("1000.00")
R = TypeVar("R")

_WAITING = {State.pending_approval, State.pending_compliance}
# Who takes a step, the states in which it is legal, and what becomes of it where that is certain.
_STEPS: dict[str, tuple[str, set[State], set[State]]] = {
    "approve": ("rm", {State.pending_approval}, {State.approved, State.pending_compliance}),
    "reject": ("rm", {State.pending_approval}, {State.rejected}),
    "clear": ("compliance", {State.pending_compliance}, {State.approved}),
    "decline": ("compliance", {State.pending_compliance}, {State.rejected}),
    "cancel": ("member", _WAITING, {State.cancelled}),
    "hold": ("compliance", _WAITING | {State.approved}, {State.on_hold}),
    "resume": ("compliance", {State.on_hold}, _WAITING | {State.approved}),
    "cancel_held": ("compliance", {State.on_hold}, {State.cancelled}),
}
# Neither whose request it is nor anybody else's manager decides.
_STRANGERS = ("member", "rm2", "trader", "ops")
_OVER = {State.rejected, State.cancelled}
AMOUNTS = strategies.decimals("0.01", "60", places=2)
ANY = strategies.integers(0, 10**6)


async def run(turn: Round) -> None:
    loop = asyncio.get_running_loop()
    async with turn.stage.desk() as desk:
        machine = _machine(desk, loop)
        size = settings(
            max_examples=SEQUENCES_SHORT if turn.is_short else SEQUENCES,
            stateful_step_count=STEPS_SHORT if turn.is_short else STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        # Hypothesis is no coroutine: it runs in a thread, and each of its steps here.
        await asyncio.to_thread(
            run_state_machine_as_test, seeded(turn.seed)(machine), settings=size
        )
        turn.counted("sequences", size.max_examples)
        turn.counted("steps", machine.taken)
        await assert_sound(desk)


def _machine(desk: Desk, loop: asyncio.AbstractEventLoop) -> Any:
    """The state machine on this desk: each sequence has a book and a subscription of its own."""

    def done(work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    class Sequences(RuleBasedStateMachine):
        taken = 0

        @initialize()
        def begin(self) -> None:
            self.book: Book = done(_new_book(desk))
            self.money = dict.fromkeys([self.book.house, *self.book.clients], Decimal(0))
            self.entries: list[tuple[UUID, dict[UUID, Decimal]]] = []
            self.reversed: set[UUID] = set()
            self.subscription, self.units = done(_new_subscription(desk))
            self.redemptions: dict[UUID, tuple[Decimal, State]] = {}
            self.struck: set[UUID] = set()

        @rule(source=ANY, goal=ANY, amount=AMOUNTS, repeated=strategies.booleans())
        def transfer(self, source: int, goal: int, amount: Decimal, repeated: bool) -> None:
            accounts = [self.book.house, *self.book.clients]
            first, second = accounts[source % len(accounts)], accounts[goal % len(accounts)]
            if first == second:
                return
            moves = {first: -amount, second: amount}
            fits = self._fits(moves)
            posted = done(_transfer(desk, self.book, moves, new_id().hex, repeated))
            assert (posted is not None) == fits, (moves, self.money)
            if posted is not None:
                self._move(moves)
                self.entries.append((posted, moves))

        @precondition(lambda self: self.entries)
        @rule(which=ANY)
        def reverse(self, which: int) -> None:
            entry, moves = self.entries[which % len(self.entries)]
            back = {account: -amount for account, amount in moves.items()}
            expected = (
                "reversed" if entry in self.reversed else "fits" if self._fits(back) else "too low"
            )
            assert done(_reverse(desk, entry)) == expected
            if expected == "fits":
                self._move(back)
                self.reversed.add(entry)

        @rule(units=strategies.decimals("0.5", "400", places=1))
        def ask(self, units: Decimal) -> None:
            asked = done(_ask(desk, self.subscription, units))
            assert (asked is not None) == (units <= self._free()), (units, self._free())
            if asked is not None:
                self.redemptions[asked] = (units, State.pending_approval)

        @precondition(lambda self: self.redemptions)
        @rule(which=ANY, step=strategies.sampled_from(sorted(_STEPS)))
        def step(self, which: int, step: str) -> None:
            redemption_id = list(self.redemptions)[which % len(self.redemptions)]
            units, before = self.redemptions[redemption_id]
            who, legal, outcomes = _STEPS[step]
            after = done(_step(desk, redemption_id, step, who))
            if before not in legal:
                assert after is None, f"{step} of what is {before} was accepted"
                return
            assert after in outcomes, (step, before, after)
            self.redemptions[redemption_id] = (units, after)
            if after is State.approved:
                self.struck.add(redemption_id)  # and stays so while it is held

        @precondition(lambda self: self.redemptions)
        @rule(which=ANY, who=strategies.sampled_from(_STRANGERS))
        def decide_as_a_stranger(self, which: int, who: str) -> None:
            redemption_id = list(self.redemptions)[which % len(self.redemptions)]
            assert done(_step(desk, redemption_id, "approve", who)) is None

        @invariant()
        def all_is_as_the_model_says(self) -> None:
            type(self).taken += 1
            if not hasattr(self, "book"):
                return
            assert done(_balances(desk, list(self.money))) == self.money
            free, locked = done(_holding(desk, self.subscription))
            assert (free, free + locked) == (self._free(), self.units - self._bound(self.struck))

        def _free(self) -> Decimal:
            return self.units - self._bound(set(self.redemptions))

        def _bound(self, among: set[UUID]) -> Decimal:
            """Units that have not come back; what is struck is not the client's any more."""
            found = [self.redemptions[redemption_id] for redemption_id in among]
            return sum((units for units, state in found if state not in _OVER), Decimal(0))

        def _fits(self, moves: dict[UUID, Decimal]) -> bool:
            """The house may owe; a client may not."""
            return all(
                account == self.book.house or self.money[account] + amount >= 0
                for account, amount in moves.items()
            )

        def _move(self, moves: dict[UUID, Decimal]) -> None:
            for account, amount in moves.items():
                self.money[account] += amount

    return Sequences


def _as_portal(desk: Desk) -> Any:
    return unit_of_work(tenant=desk.tenant_id, actor=SYSTEM)


async def _new_book(desk: Desk) -> Book:
    async with _as_portal(desk):
        return await a_book(clients=CLIENTS)


async def _new_subscription(desk: Desk) -> tuple[UUID, Decimal]:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        deposit_id = await confirm_deposit(
            client_id=desk.clients["member"],
            staging_account_id=desk.staging["yield"],
            amount=DEPOSIT,
            transaction_reference=new_id().hex,
        )
        subscription_id = await open_subscription(deposit_id=deposit_id, term_months=6)
    free, locked = await _holding(desk, subscription_id)
    assert locked == 0
    return subscription_id, free


async def _transfer(
    desk: Desk, book: Book, moves: dict[UUID, Decimal], key: str, repeated: bool
) -> UUID | None:
    entry = book.entry(*((account, str(amount)) for account, amount in moves.items()), key=key)
    try:
        async with _as_portal(desk):
            (posted,) = await post_entries(entries=[entry])
    except BalanceTooLow:
        return None
    if repeated:
        async with _as_portal(desk):
            assert await post_entries(entries=[entry]) == [posted], "one key, one entry"
    return posted


async def _reverse(desk: Desk, entry_id: UUID) -> str:
    try:
        async with _as_portal(desk):
            await reverse_entry(entry_id=entry_id, reason="Drill", idempotency_key=new_id().hex)
    except EntryReversedAlready:
        return "reversed"
    except BalanceTooLow:
        return "too low"
    return "fits"


async def _ask(desk: Desk, subscription_id: UUID, units: Decimal) -> UUID | None:
    try:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            return await request_redemption(
                subscription_id=subscription_id,
                portion=Portion(units=str(units)),
                destination_id=desk.destinations["member", "yield"],
            )
    except DomainError:
        return None


async def _step(desk: Desk, redemption_id: UUID, step: str, who: str) -> State | None:
    """The state it is in afterwards; nothing where it was refused."""
    try:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[who]):
            await _taken(redemption_id, step)
    except DomainError:
        return None
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True):
        return (await redemption(redemption_id=redemption_id)).state


async def _taken(redemption_id: UUID, step: str) -> None:
    note = "Said so"
    if step in ("approve", "reject"):
        await decide_redemption(redemption_id=redemption_id, decision=Decision(step), note=note)
    elif step in ("clear", "decline"):
        decision = Decision.approve if step == "clear" else Decision.reject
        await clear_redemption(redemption_id=redemption_id, decision=decision, note=note)
    elif step == "cancel":
        await cancel_redemption(redemption_id=redemption_id)
    elif step == "hold":
        await hold_redemption(redemption_id=redemption_id, note=note)
    elif step == "resume":
        await resume_redemption(redemption_id=redemption_id, note=note)
    else:
        await cancel_held_redemption(redemption_id=redemption_id, note=note)


async def _balances(desk: Desk, accounts: list[UUID]) -> dict[UUID, Decimal]:
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM, read_only=True):
        return await balances(account_ids=accounts)


async def _holding(desk: Desk, subscription_id: UUID) -> tuple[Decimal, Decimal]:
    """Units that are free, and that are in redemptions."""
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"], read_only=True):
        view = await subscription(subscription_id=subscription_id)
    return view.units, view.units_locked


DRILL = Drill(
    name="R6",
    injects=f"{SEQUENCES} random sequences of {STEPS} steps over ledger, units and approvals",
    to_reach="10,000 sequences of 50 steps, each step as a plain model says",
    rounds=200,
    run=run,
    seconds_max=900,
)
