"""Which step of a redemption is legal, and for whom; what bars a payment. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domains.investments.values import KycState, Standing
from app.domains.investments.values import RedemptionState as State

# step → the states it may start from, and the permission it needs.
STEPS: dict[str, tuple[frozenset[State], str]] = {
    "approve": (frozenset({State.pending_approval}), "redemption:approve"),
    "reject": (frozenset({State.pending_approval}), "redemption:approve"),
    "clear": (frozenset({State.pending_compliance}), "redemption:clear"),
    "decline": (frozenset({State.pending_compliance}), "redemption:clear"),
    "cancel": (
        frozenset({State.pending_approval, State.pending_compliance, State.awaiting_client}),
        "redemption:request",
    ),
    "accept": (frozenset({State.awaiting_client}), "redemption:request"),
    "ready": (frozenset({State.approved}), "redemption:settle"),
    "retry_payout": (frozenset({State.payout_failed}), "redemption:retry"),
    "hold": (
        frozenset(
            {
                State.pending_approval,
                State.pending_compliance,
                State.awaiting_client,
                State.approved,
                State.ready,
                # Refused for certain: nothing has left, and nothing may until the hold ends.
                State.payout_failed,
            }
        ),
        "redemption:hold",
    ),
    "resume": (frozenset({State.on_hold}), "redemption:hold"),
    "cancel_held": (frozenset({State.on_hold}), "redemption:hold"),
    "reassign": (frozenset({State.pending_approval}), "approval:reassign"),
}

# What each state may become; anything else is a defect.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.pending_approval: frozenset(
        {
            State.pending_compliance,
            State.approved,
            State.awaiting_client,
            State.rejected,
            State.cancelled,
            State.on_hold,
        }
    ),
    State.pending_compliance: frozenset(
        {
            State.approved,
            State.awaiting_client,
            State.rejected,
            State.cancelled,
            State.on_hold,
        }
    ),
    # To itself: the net moved again before the client answered, and is offered anew.
    State.awaiting_client: frozenset(
        {State.awaiting_client, State.approved, State.cancelled, State.on_hold}
    ),
    State.approved: frozenset({State.ready, State.on_hold}),
    State.ready: frozenset({State.in_transit, State.on_hold}),
    State.on_hold: frozenset(
        {
            State.pending_approval,
            State.pending_compliance,
            State.awaiting_client,
            State.approved,
            State.ready,
            State.payout_failed,
            State.cancelled,
        }
    ),
    State.in_transit: frozenset({State.completed, State.payout_failed}),
    State.payout_failed: frozenset({State.ready, State.on_hold}),
}

# The states that a trader sees: approved and later, and what is held on that way.
SETTLEMENT_STATES = frozenset(
    {State.approved, State.ready, State.in_transit, State.completed, State.payout_failed}
)
OPEN_STATES = frozenset(TRANSITIONS)
# What waits for a decision: its approval is open.
UNDECIDED_STATES = frozenset({State.pending_approval, State.pending_compliance})
# Held from one of these, a redemption has been struck.
STRUCK_STATES = frozenset({State.approved, State.ready, State.payout_failed})


def may_stand_still(clock: str, state: State) -> bool:
    """A promise to pay may wait while compliance looks into it; no other clock ever does."""
    return clock == "payout" and state is State.on_hold


def may_become(state: State, target: State) -> bool:
    return target in TRANSITIONS.get(state, frozenset())


def possible_steps(state: State, permissions: frozenset[str]) -> frozenset[str]:
    """What somebody with `permissions` may do now; row scope (own client, own) comes on top."""
    return frozenset(
        step
        for step, (states, permission) in STEPS.items()
        if state in states and permission in permissions
    )


class Barrier(StrEnum):
    """Why nothing may be paid to a client, or to a destination."""

    kyc_pending = "kyc_pending"
    kyc_lapsed = "kyc_lapsed"
    kyc_refused = "kyc_refused"
    deceased = "deceased"
    sanctioned = "sanctioned"
    destination_revoked = "destination_revoked"


# To compliance, who has to act on it.
BARRIER_WORDS = {
    Barrier.kyc_pending: "KYC has not been passed",
    Barrier.kyc_lapsed: "KYC has lapsed",
    Barrier.kyc_refused: "KYC was refused",
    Barrier.deceased: "The client has died",
    Barrier.sanctioned: "Sanctions hit",
    Barrier.destination_revoked: "Its destination was revoked by the client",
}
# To everybody who follows the redemption, its client among them: whoever is looked at for a
# sanctions hit must not learn of it.
BARRIER_NOTES = BARRIER_WORDS | {Barrier.sanctioned: "Compliance has to look at it"}


def kyc_at(*, recorded: KycState, expires_at: datetime | None, now: datetime) -> KycState:
    """What a recorded check is worth at `now`: one that was passed lapses by itself."""
    if recorded is KycState.passed and (expires_at is None or expires_at <= now):
        return KycState.lapsed
    return recorded


def barriers(*, kyc: KycState, standing: Standing, destination_revoked: bool) -> list[Barrier]:
    """Everything that bars a payment; nothing where it may be made. `kyc` is that of `kyc_at`."""
    found = []
    if kyc is not KycState.passed:
        found.append(Barrier(f"kyc_{kyc.value}"))
    if standing is not Standing.good:
        found.append(Barrier(standing.value))
    if destination_revoked:
        found.append(Barrier.destination_revoked)
    return found


def barriers_of(row: Any, *, now: datetime) -> list[Barrier]:
    """`barriers`, from the columns `kyc`, `kyc_expires_at`, `standing` and `destination_revoked`."""
    return barriers(
        kyc=kyc_at(recorded=KycState(row["kyc"]), expires_at=row["kyc_expires_at"], now=now),
        standing=Standing(row["standing"]),
        destination_revoked=row["destination_revoked"],
    )
