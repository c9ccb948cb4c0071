"""One redemption as its own page shows it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.identity.public import Role, members_with_role, names_of
from app.domains.investments.policy import BARRIER_WORDS, barriers_of, possible_steps
from app.domains.investments.queries.destination_view import destination_view
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.redemption_lists import COLUMNS, FROM, amounts_of
from app.domains.investments.queries.scope import is_in_book, redemption_scope
from app.domains.investments.values import (
    ManagerOption,
    PayoutState,
    PayoutView,
    ProductKind,
    RedemptionState,
    RedemptionView,
    Screened,
    Step,
    TimelineEvent,
)
from app.kernel.approvals.queries import delegators_of
from app.kernel.database import current, fetch, fetch_row
from app.kernel.deadlines import deadlines_of
from app.kernel.errors import NotFound

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
        f"SELECT {COLUMNS} {FROM} WHERE {scope.condition} AND r.id = $3",
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
        client_in_book=is_in_book(row["rm_membership_id"]),
        rm_name=names.get(row["approver_membership_id"], ""),
        product_id=row["product_id"],
        product_name=row["product_name"],
        product_kind=ProductKind(row["kind"]),
        amounts=amounts_of(row),
        steps=msgspec.convert(row["steps"], list[Step], strict=False),
        state=state,
        requested_at=row["requested_at"],
        destination=destination_view(destination),
        approval_id=row["approval_id"],
        deadlines=deadlines,
        timeline=await _timeline(redemption_id),
        payout=await _payout(redemption_id),
        ledger_entry_ids=entry_ids,
        accounts=await custody_accounts(product_id=row["product_id"]) if sees_assets else [],
        can=can,
        clearance=". ".join(row["clearance_reasons"]) if "clear" in can else "",
        screened_usd=screened_usd(row) if "clear" in can else None,
        bars=_bars(row, destination) if "resume" in can else [],
        managers=await _other_managers(row) if "reassign" in can else [],
    )


def screened_usd(row: Any) -> Decimal | None:
    """What the request was worth in US dollars when it was made, where a price was known."""
    kept = row["screened_at_price"]
    return None if kept is None else msgspec.convert(kept, Screened, strict=False).usd


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
