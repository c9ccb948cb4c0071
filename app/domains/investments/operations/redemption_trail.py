"""What every step of a redemption leaves: its state, its timeline, the audit and an event.

The other operations come here; nothing else changes a redemption's row.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domains.investments.policy import STEPS, may_become
from app.domains.investments.queries.scope import EVERYTHING, Scope, redemption_scope
from app.domains.investments.values import RedemptionState
from app.kernel import audit
from app.kernel.database import current, execute, fetch_row
from app.kernel.errors import Conflict, NotFound
from app.kernel.ids import new_id
from app.kernel.money import plain
from app.kernel.outbox import emit

_COLUMNS = frozenset(
    {
        "source_account_id",
        "reserved",
        "yield_accrued",
        "principal_redeemed",
        "gross",
        "early_exit_penalty",
        "redemption_fee",
        "net",
        "nav_per_unit",
        "nav_at",
        "steps",
        "struck_at",
        "held_from",
        "approver_membership_id",
        "completed_at",
    }
)


class WrongState(Conflict):
    """The redemption has moved on; `detail` says where it is."""

    code = "REDEMPTION_STATE"
    title = "The redemption's state does not allow this"


class Changed(Conflict):
    code = "REDEMPTION_CHANGED"
    title = "This request changed while you looked at it; reload it and decide again"


async def lock_redemption(*, redemption_id: UUID) -> Any:
    """The redemption with its client, product, subscription and what bars its payment; its row
    locked until commit.

    Raises `NotFound`. Whoever may only see some redemptions has been checked before.
    """
    return await _locked(EVERYTHING, redemption_id)


async def lock_visible_redemption(*, redemption_id: UUID) -> Any:
    """`lock_redemption` for the current actor: raises `NotFound` for what they may not see."""
    return await _locked(await redemption_scope(), redemption_id)


async def _locked(scope: Scope, redemption_id: UUID) -> Any:
    row = await fetch_row(
        "SELECT r.*, c.membership_id, c.rm_membership_id, c.name AS client_name,"
        " p.name AS product_name, p.kind, p.asset, p.places, p.time_zone, p.book_id, p.network_fee,"
        " s.free_account_id, s.locked_account_id, s.struck_account_id, s.claim_account_id,"
        " s.yield_account_id, c.kyc, c.kyc_expires_at, c.standing,"
        " d.revoked_at IS NOT NULL AS destination_revoked"
        " FROM redemption r JOIN client c ON c.id = r.client_id"
        " JOIN product p ON p.id = r.product_id JOIN subscription s ON s.id = r.subscription_id"
        " JOIN destination d ON d.id = r.destination_id"
        f" WHERE r.id = $3 AND {scope.condition} FOR UPDATE OF r",
        scope.memberships,
        scope.states,
        redemption_id,
    )
    if row is None:
        raise NotFound
    return row


def check_step(redemption: Any, step: str, *, version: int | None = None) -> None:
    """Raise `Changed` where `version` is an older one, `WrongState` unless `step` is legal now."""
    if version is not None and version != redemption["version"]:
        raise Changed
    state = RedemptionState(redemption["state"])
    if state not in STEPS[step][0]:
        raise WrongState(
            f"This redemption is {state.value.replace('_', ' ')}; it cannot be {PAST[step]}"
        )


PAST = {
    "approve": "approved",
    "reject": "rejected",
    "clear": "cleared",
    "decline": "declined",
    "cancel": "cancelled",
    "accept": "accepted",
    "hold": "put on hold",
    "resume": "resumed",
    "cancel_held": "cancelled from a hold",
    "reassign": "reassigned",
    "ready": "marked ready",
    "retry_payout": "paid again",
}


async def move(
    redemption: Any,
    target: RedemptionState,
    *,
    event: str,
    note: str = "",
    changes: dict[str, Any] | None = None,
) -> None:
    """Take a locked redemption to `target`, with its columns `changes`, and leave the trail."""
    state = RedemptionState(redemption["state"])
    if not may_become(state, target):
        raise WrongState(f"A redemption does not go from {state.value} to {target.value}")
    changed = dict(changes or {})
    assert changed.keys() <= _COLUMNS, "column names go into the statement"
    sets = "".join(f", {column} = ${index}" for index, column in enumerate(changed, start=10))
    await execute(
        "WITH moved AS (UPDATE redemption"
        f" SET state = $9, version = version + 1{sets} WHERE id = $3) {_TIMELINE}",
        *_timeline_values(redemption["id"], event, note),
        target.value,
        *changed.values(),
    )
    await _audit_and_emit(
        redemption["id"],
        redemption,
        event,
        note,
        before={"state": state.value},
        after={"state": target.value} | {key: _shown(value) for key, value in changed.items()},
    )


_TIMELINE = (
    "INSERT INTO redemption_event (id, tenant_id, redemption_id, at, actor_id, actor_name,"
    " event, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)


def _timeline_values(redemption_id: UUID, event: str, note: str) -> tuple[Any, ...]:
    unit = current()
    actor = unit.actor
    return new_id(), unit.tenant, redemption_id, unit.now, actor.id, actor.name, event, note


async def leave_trail(
    *,
    redemption_id: UUID,
    of: Any,
    event: str,
    note: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    """Timeline, audit and event of one step; `of` has the client's id and the memberships concerned."""
    await execute(_TIMELINE, *_timeline_values(redemption_id, event, note))
    await _audit_and_emit(redemption_id, of, event, note, before=before, after=after)


async def _audit_and_emit(
    redemption_id: UUID,
    of: Any,
    event: str,
    note: str,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    await audit.record(
        action=f"redemption.{event}",
        subject_kind="redemption",
        subject_id=redemption_id,
        before=before,
        after=after,
    )
    await emit(
        type=f"redemption.{event}",
        subject_kind="redemption",
        subject_id=redemption_id,
        payload={"client_id": str(of["client_id"]), "note": note},
        topics=topics_of({**of, "id": redemption_id}),
    )


def topics_of(redemption: Any) -> list[str]:
    """Whose live pages show it."""
    managers = {redemption["rm_membership_id"], redemption["approver_membership_id"]}
    return [
        f"redemption:{redemption['id']}",
        f"client:{redemption['membership_id']}",
        *(f"rm:{manager}" for manager in managers),
        "settlement",
        "redemptions",
    ]


def _shown(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, str | int | list | None) else str(value)
