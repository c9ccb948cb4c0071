"""What those who decide see first: a manager's approvals and book, compliance's queue and holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domains.investments.desk_values import (
    ApprovalsPage,
    BookMoves,
    CompliancePage,
    FlaggedRow,
    Trouble,
    WaitingQueue,
)
from app.domains.investments.policy import OPEN_STATES
from app.domains.investments.queries.book_moves import midnight, moved_since
from app.domains.investments.queries.client_book import CLIENTS, book_totals, clients
from app.domains.investments.queries.dashboards import net_totals
from app.domains.investments.queries.redemption_lists import queue
from app.domains.investments.queries.redemptions import decided_today, screened_usd, title_of
from app.domains.investments.queries.screening import pending_tier_changes, screening_counts
from app.domains.investments.values import RedemptionState
from app.kernel.database import current, fetch

_LARGEST = 10
_TROUBLES_SHOWN = 10
_TROUBLES_SPAN = timedelta(days=14)
# What is told to more than the manager, because it was rejected or its time ran out.
_TROUBLES = ("rejected", "approval_overdue", "compliance_overdue", "payout_breached")


async def approvals_page(*, time_zone: str, parts: Sequence[str]) -> ApprovalsPage:
    """A manager's dashboard: those of `waiting`, `moves`, `troubles` and `clients` that are named."""
    today = midnight(time_zone)
    state = RedemptionState.pending_approval
    return ApprovalsPage(
        waiting=await _waiting(state, today) if "waiting" in parts else None,
        moves=await _moves(today) if "moves" in parts else None,
        troubles=await _troubles() if "troubles" in parts else None,
        clients=await clients(order=CLIENTS.order("-worth"), limit=_LARGEST)
        if "clients" in parts
        else None,
    )


async def compliance_page(*, time_zone: str) -> CompliancePage:
    """What waits for compliance, what is on hold, what else is open and met one of its rules, and
    whose KYC ends."""
    rows = await fetch(
        "SELECT r.id, r.clearance_reasons, r.screened_at_price, (SELECT e.note FROM redemption_event e"
        "   WHERE e.redemption_id = r.id AND e.event = 'held' ORDER BY e.id DESC LIMIT 1) AS held_for"
        " FROM redemption r WHERE r.state = ANY($1)"
        " AND (r.state = $2 OR cardinality(r.clearance_reasons) > 0)",
        [state.value for state in OPEN_STATES],
        RedemptionState.on_hold.value,
    )
    held_for = {row["id"]: row["held_for"] or "" for row in rows}
    rules = {row["id"]: row["clearance_reasons"] for row in rows if row["clearance_reasons"]}
    worth = {row["id"]: screened_usd(row) for row in rows}
    held = await queue(states=[RedemptionState.on_hold])
    flagged = await queue(
        states=sorted(OPEN_STATES - {RedemptionState.pending_compliance, RedemptionState.on_hold}),
        only=list(rules),
    )
    return CompliancePage(
        waiting=await _waiting(RedemptionState.pending_compliance, midnight(time_zone)),
        held=[FlaggedRow(row=row, reasons=[held_for.get(row.id, "")]) for row in held],
        flagged=[
            FlaggedRow(row=row, reasons=rules[row.id], usd=worth.get(row.id)) for row in flagged
        ],
        tier_changes=await pending_tier_changes(),
        kyc=await screening_counts(),
    )


async def _waiting(state: RedemptionState, today: datetime) -> WaitingQueue:
    rows = await queue(states=[state])
    return WaitingQueue(
        rows=rows, totals=net_totals(rows), decided_today=await decided_today(since=today)
    )


async def _moves(today: datetime) -> BookMoves:
    moved = await moved_since(today=today)
    return BookMoves(totals=await book_totals(), paid_in=moved["in"], paid_out=moved["out"])


async def _troubles() -> list[Trouble]:
    """Of the manager's own clients, and of what was given to them to decide; the latest first."""
    unit = current()
    rows = await fetch(
        "SELECT e.id, e.at, e.event, e.note, r.id AS redemption_id, r.reference, r.state,"
        " c.name AS client_name FROM redemption r JOIN client c ON c.id = r.client_id"
        " JOIN redemption_event e ON e.redemption_id = r.id"
        " WHERE (c.rm_membership_id = $1 OR r.approver_membership_id = $1)"
        " AND e.event = ANY($2) AND e.at >= $3 ORDER BY e.at DESC, e.id DESC LIMIT $4",
        unit.actor.id,
        list(_TROUBLES),
        unit.now - _TROUBLES_SPAN,
        _TROUBLES_SHOWN,
    )
    return [
        Trouble(
            id=row["id"],
            at=row["at"],
            title=title_of(row["event"]),
            note=row["note"],
            redemption_id=row["redemption_id"],
            reference=row["reference"],
            client_name=row["client_name"],
            state=RedemptionState(row["state"]),
        )
        for row in rows
    ]
