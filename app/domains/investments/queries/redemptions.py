"""Redemptions: lists, queues, and one as its own page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domains.identity.public import Role, members_with_role, names_of
from app.domains.investments.policy import BARRIER_WORDS, barriers_of, possible_steps
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.row_scope import visible_entry_ids
from app.domains.investments.queries.scope import redemption_scope
from app.domains.investments.queries.subscriptions import destination_view
from app.domains.investments.values import (
    Amounts,
    ManagerOption,
    PayoutState,
    PayoutView,
    ProductKind,
    RedemptionRow,
    RedemptionState,
    RedemptionView,
    Step,
    TimelineEvent,
)
from app.kernel.approvals.queries import delegators_of
from app.kernel.database import current, fetch, fetch_row
from app.kernel.deadlines import Timer, deadlines_of
from app.kernel.errors import NotFound

# More than anybody works through at a sitting; the rest moves up.
QUEUE_LENGTH_MAX = 200

_ROWS = """
    SELECT r.*, c.name AS client_name, c.membership_id, c.rm_membership_id,
      p.name AS product_name, p.kind, p.asset, p.places, c.kyc, c.kyc_expires_at, c.standing
    FROM redemption r JOIN client c ON c.id = r.client_id JOIN product p ON p.id = r.product_id
"""

_TITLES = {
    "deposited": "Deposit confirmed",
    "requested": "Requested",
    "approved": "Approved",
    "rejected": "Rejected",
    "cancelled": "Cancelled",
    "awaiting_client": "Offered to the client",
    "client_reminder": "Client reminded",
    "client_overdue": "Not accepted in time",
    "lapsed": "Lapsed",
    "held": "Put on hold",
    "resumed": "Resumed",
    "reassigned": "Given to another manager",
    "ready": "Ready for payout",
    "sent": "Payout sent",
    "payout_unknown": "Payout not confirmed yet",
    "payout_withheld": "Payout not sent again",
    "payout_failed": "Payout failed",
    "payout_retried": "Payout ordered again",
    "completed": "Completed",
    "approval_reminder": "Approval reminder",
    "approval_overdue": "Approval overdue",
    "compliance_asked": "Approved by the manager, given to compliance",
    "compliance_reminder": "Compliance reminded",
    "compliance_overdue": "Compliance overdue",
    "payout_warning": "Payout due soon",
    "payout_breached": "36-hour promise breached",
    "approval_extended": "More time to approve",
    "compliance_extended": "More time for compliance",
    "client_extended": "More time to accept",
    "payout_extended": "More time to pay",
    "payout_paused": "Payout clock paused",
    "payout_resumed": "Payout clock runs on",
}


async def redemptions(
    *,
    states: Sequence[RedemptionState] = (),
    product_id: UUID | None = None,
    client_id: UUID | None = None,
    reference: str = "",
    due_before: datetime | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[RedemptionRow]:
    """What the viewer may see, newest first; `after` is the last id of the page before.

    `reference` is any part of theirs. `due_before` keeps those with a running deadline that is due before that instant.
    """
    scope = await redemption_scope()
    rows = await fetch(
        f"{_ROWS} WHERE {scope.condition} AND (cardinality($3::text[]) = 0 OR r.state = ANY($3))"
        " AND ($4::uuid IS NULL OR r.product_id = $4) AND ($5::uuid IS NULL OR r.id < $5)"
        " AND ($6::timestamptz IS NULL OR EXISTS (SELECT 1 FROM deadline d"
        "   WHERE d.subject_kind = 'redemption' AND d.subject_id = r.id"
        "   AND d.stopped_at IS NULL AND d.due_at < $6))"
        " AND ($7::uuid IS NULL OR r.client_id = $7)"
        " AND position(upper($8) IN upper(r.reference)) > 0"
        " ORDER BY r.id DESC LIMIT $9",
        scope.memberships,
        scope.states,
        [state.value for state in states],
        product_id,
        after,
        due_before,
        client_id,
        reference,
        limit,
    )
    return await _rows(rows)


async def queue(
    *, states: Sequence[RedemptionState], only: Sequence[UUID] | None = None
) -> list[RedemptionRow]:
    """The viewer's queue in these states: the one with the least time left first.

    With `only`, what of it has one of these ids.
    """
    scope = await redemption_scope()
    rows = await fetch(
        f"{_ROWS} LEFT JOIN LATERAL (SELECT min(d.due_at) AS due_at FROM deadline d"
        "   WHERE d.subject_kind = 'redemption' AND d.subject_id = r.id AND d.stopped_at IS NULL"
        " ) clock ON true"
        f" WHERE {scope.condition} AND r.state = ANY($3)"
        " AND ($5::uuid[] IS NULL OR r.id = ANY($5))"
        " ORDER BY clock.due_at NULLS LAST, r.id LIMIT $4",
        scope.memberships,
        scope.states,
        [state.value for state in states],
        QUEUE_LENGTH_MAX,
        only,
    )
    return await _rows(rows)


def title_of(event: str) -> str:
    """A step in words."""
    return _TITLES.get(event, event.replace("_", " ").capitalize())


async def decided_today(*, since: datetime) -> int:
    """How many requests the current actor has decided since then."""
    row = await fetch_row(
        "SELECT count(*) AS decided FROM approval_decision"
        " WHERE membership_id = $1 AND decided_at >= $2",
        current().actor.id,
        since,
    )
    return row["decided"] if row else 0


async def redemption(*, redemption_id: UUID) -> RedemptionView:
    """One redemption as the viewer sees it; raises `NotFound`."""
    unit = current()
    scope = await redemption_scope()
    rows = await fetch(
        f"{_ROWS} WHERE {scope.condition} AND r.id = $3",
        scope.memberships,
        scope.states,
        redemption_id,
    )
    if not rows:
        raise NotFound
    row = rows[0]
    state = RedemptionState(row["state"])
    deadlines = (await deadlines_of(subject_kind="redemption", subject_ids=[redemption_id])).get(
        redemption_id, []
    )
    destination = await fetch_row("SELECT * FROM destination WHERE id = $1", row["destination_id"])
    names = await names_of(membership_ids=[row["approver_membership_id"]])
    entries = await fetch(
        "SELECT id FROM ledger_entry WHERE subject_kind = 'redemption' AND subject_id = $1"
        " ORDER BY id",
        redemption_id,
    )
    entry_ids = [entry["id"] for entry in entries]
    sees_assets = unit.actor.may("custody:read")
    can = await _steps_for_viewer(row, state)
    return RedemptionView(
        id=row["id"],
        reference=row["reference"],
        version=row["version"],
        subscription_id=row["subscription_id"],
        client_id=row["client_id"],
        client_name=row["client_name"],
        rm_name=names.get(row["approver_membership_id"], ""),
        product_id=row["product_id"],
        product_name=row["product_name"],
        product_kind=ProductKind(row["kind"]),
        amounts=_amounts(row),
        steps=msgspec.convert(row["steps"], list[Step], strict=False),
        state=state,
        requested_at=row["requested_at"],
        destination=destination_view(destination),
        approval_id=row["approval_id"],
        deadlines=deadlines,
        timeline=await _timeline(redemption_id),
        payout=await _payout(redemption_id),
        ledger_entry_ids=entry_ids,
        open_entry_ids=await visible_entry_ids(entry_ids=entry_ids),
        accounts=await custody_accounts(product_id=row["product_id"]) if sees_assets else [],
        can=can,
        clearance=". ".join(row["clearance_reasons"]) if "clear" in can else "",
        bars=_bars(row, destination) if "resume" in can else [],
        managers=await _other_managers(row) if "reassign" in can else [],
    )


def _bars(row: Any, destination: Any) -> list[str]:
    columns = dict(row) | {"destination_revoked": destination["revoked_at"] is not None}
    return [BARRIER_WORDS[bar] for bar in barriers_of(columns, now=current().now)]


async def _steps_for_viewer(row: Any, state: RedemptionState) -> frozenset[str]:
    """What the viewer may do now: the state allows it, they are permitted, it is theirs to do."""
    actor = current().actor
    steps = possible_steps(state, actor.permissions)
    if row["membership_id"] != actor.id:
        steps -= {"cancel", "accept"}
    waits_for = {actor.id, *await delegators_of(permission="redemption:approve")}
    if row["membership_id"] == actor.id or row["approver_membership_id"] not in waits_for:
        steps -= {"approve", "reject"}
    if row["membership_id"] == actor.id:
        steps -= {"clear", "decline"}
    return steps


async def _other_managers(row: Any) -> list[ManagerOption]:
    """To whom operations can give the request."""
    others = [
        manager
        for manager in await members_with_role(role=Role.rm)
        if manager != row["approver_membership_id"]
    ]
    names = await names_of(membership_ids=others)
    return sorted(
        (ManagerOption(id=manager, name=names[manager]) for manager in others),
        key=lambda option: option.name,
    )


async def _timeline(redemption_id: UUID) -> list[TimelineEvent]:
    rows = await fetch(
        "SELECT at, actor_name, event, note FROM redemption_event WHERE redemption_id = $1"
        " ORDER BY id",
        redemption_id,
    )
    return [
        TimelineEvent(
            at=row["at"],
            actor=row["actor_name"],
            event=row["event"],
            title=title_of(row["event"]),
            note=row["note"],
        )
        for row in rows
    ]


async def _payout(redemption_id: UUID) -> PayoutView | None:
    row = await fetch_row(
        "SELECT reference, state, reason FROM payout WHERE redemption_id = $1"
        " ORDER BY id DESC LIMIT 1",
        redemption_id,
    )
    if row is None:
        return None
    return PayoutView(
        reference=row["reference"], state=PayoutState(row["state"]), reason=row["reason"]
    )


async def _rows(rows: Sequence[Any]) -> list[RedemptionRow]:
    timers = await deadlines_of(subject_kind="redemption", subject_ids=[row["id"] for row in rows])
    return [
        RedemptionRow(
            id=row["id"],
            reference=row["reference"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            product_name=row["product_name"],
            amounts=_amounts(row),
            state=RedemptionState(row["state"]),
            requested_at=row["requested_at"],
            timer=_current_timer(timers.get(row["id"], [])),
        )
        for row in rows
    ]


def _current_timer(timers: list[Timer]) -> Timer | None:
    """The clock that matters: the last one started."""
    return timers[-1] if timers else None


def _amounts(row: Any) -> Amounts:
    return Amounts(
        asset=row["asset"],
        places=row["places"],
        units=row["units"],
        principal_redeemed=row["principal_redeemed"],
        yield_accrued=row["yield_accrued"],
        gross=row["gross"],
        early_exit_penalty=row["early_exit_penalty"],
        redemption_fee=row["redemption_fee"],
        net=row["net"],
        nav_per_unit=row["nav_per_unit"],
        nav_at=row["nav_at"],
    )
