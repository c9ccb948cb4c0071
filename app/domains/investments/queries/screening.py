"""Clients by their KYC and standing, within the viewer's scope; changes of tier that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.domains.identity.public import names_of
from app.domains.investments.client_values import (
    Screening,
    ScreeningFilter,
    ScreeningRow,
    ScreeningView,
    StandingChange,
    TierChange,
)
from app.domains.investments.policy import BARRIER_NOTES, BARRIER_WORDS, barriers, kyc_at
from app.domains.investments.queries.redemption_lists import redemptions
from app.domains.investments.queries.scope import SEES_ALL
from app.domains.investments.values import (
    ClientTier,
    KycState,
    RedemptionFilter,
    RedemptionState,
    Standing,
)
from app.kernel.audit.queries import AuditFilter, records
from app.kernel.audit.values import AuditRecordView
from app.kernel.clock import local_date
from app.kernel.database import current, fetch, fetch_row
from app.kernel.errors import NotFound
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey


class ClientNamed(NamedTuple):
    id: UUID
    name: str


EXPIRES_SOON = timedelta(days=30)
_HISTORY_SHOWN = 50
_HELD_SHOWN = 50

# $1: the moment; $2: until when is soon.
_FILTERS = {
    ScreeningFilter.expiring: "c.kyc = 'passed' AND c.kyc_expires_at > $1"
    " AND c.kyc_expires_at <= $2",
    ScreeningFilter.lapsed: "(c.kyc = 'lapsed' OR (c.kyc = 'passed' AND c.kyc_expires_at <= $1))",
    ScreeningFilter.pending: "c.kyc = 'pending'",
    ScreeningFilter.refused: "c.kyc = 'refused'",
    ScreeningFilter.barred: "c.standing <> 'good'",
}
_CLIENTS = """
    SELECT c.id, c.name, c.membership_id, c.rm_membership_id, c.tier, c.kyc, c.kyc_expires_at,
      c.standing, c.version, t.time_zone
    FROM client c JOIN tenant t ON t.id = c.tenant_id
"""
_CHANGES = """
    SELECT h.*, a.requested_by, c.name AS client_name FROM tier_change h
    JOIN approval a ON a.id = h.approval_id JOIN client c ON c.id = h.client_id
    WHERE h.state = 'pending'
"""
_WHAT = {
    "client.kyc_recorded": ("KYC", "kyc"),
    "client.standing_recorded": ("Standing", "standing"),
    "client.tier_requested": ("Tier asked for", "tier"),
    "client.tier_approved": ("Tier", "tier"),
    "client.tier_rejected": ("Tier refused", "tier"),
}


async def screening_counts() -> dict[ScreeningFilter, int]:
    """How many of the viewer's clients each filter finds."""
    now = current().now
    counted = ", ".join(
        f"count(*) FILTER (WHERE {condition}) AS {name.value}"
        for name, condition in _FILTERS.items()
    )
    row = await fetch_row(
        f"SELECT {counted} FROM client c WHERE ($3::uuid IS NULL OR c.rm_membership_id = $3)"
        " AND $1::timestamptz < $2::timestamptz",
        now,
        now + EXPIRES_SOON,
        _manager(),
    )
    assert row is not None, "counting always answers"
    return {name: row[name.value] for name in ScreeningFilter}


SCREENED = Sorting(
    keys={
        "kyc_expires_at": SortKey("coalesce(c.kyc_expires_at, '-infinity')", "timestamptz"),
        "name": SortKey("lower(c.name)", "text"),
    },
    default="kyc_expires_at",
    tie="c.id",
)


async def screened(
    *,
    chosen: ScreeningFilter,
    order: Order = SCREENED.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[ScreeningRow]:
    """The viewer's clients that the filter finds; whose KYC never had an end stands before all."""
    unit = current()
    found = await fetch(
        f"SELECT c.*, {order.column}, "
        "(SELECT count(*) FROM redemption r WHERE r.client_id = c.id"
        "   AND r.state NOT IN ('completed', 'rejected', 'cancelled')) AS open,"
        " (SELECT count(*) FROM redemption r WHERE r.client_id = c.id AND r.state = 'on_hold')"
        "   AS held"
        f" FROM ({_CLIENTS} WHERE {_FILTERS[chosen]} AND $1::timestamptz < $2::timestamptz"
        "   AND ($3::uuid IS NULL OR c.rm_membership_id = $3)) c"
        f" WHERE {order.behind(after, argument=4)} {order.clause} LIMIT $6",
        unit.now,
        unit.now + EXPIRES_SOON,
        _manager(),
        *order.arguments(after),
        limit + 1,
    )
    rows = found[:limit]
    names = await names_of(membership_ids=[row["rm_membership_id"] for row in rows])
    shown = [
        ScreeningRow(
            id=row["id"],
            name=row["name"],
            rm_name=names.get(row["rm_membership_id"], ""),
            screening=screening_of(row),
            redemptions_open=row["open"],
            on_hold=row["held"],
        )
        for row in rows
    ]
    return order.sliced(found, limit=limit, rows=shown)


async def screening(*, client_id: UUID) -> ScreeningView:
    """One of the viewer's clients; raises `NotFound` for any other."""
    actor = current().actor
    row = await fetch_row(
        f"{_CLIENTS} WHERE c.id = $1 AND ($2::uuid IS NULL OR c.rm_membership_id = $2)",
        client_id,
        _manager(),
    )
    if row is None:
        raise NotFound
    found = screening_of(row)
    words = BARRIER_WORDS if actor.may("client:screen") else BARRIER_NOTES
    names = await names_of(membership_ids=[row["rm_membership_id"]])
    changes = await _changes(await fetch(f"{_CHANGES} AND h.client_id = $1", client_id))
    pending = changes[0] if changes else None
    return ScreeningView(
        id=row["id"],
        version=row["version"],
        name=row["name"],
        membership_id=row["membership_id"],
        rm_name=names.get(row["rm_membership_id"], ""),
        screening=found,
        bars=[
            words[bar]
            for bar in barriers(
                kyc=found.kyc, standing=Standing(row["standing"]), destination_revoked=False
            )
        ],
        held=await redemptions(
            chosen=RedemptionFilter(states=(RedemptionState.on_hold,), client_id=client_id),
            limit=_HELD_SHOWN,
        ),
        pending=pending,
        history=await _history(client_id) if actor.may("audit:read") else [],
        today=local_date(current().now, row["time_zone"]),
        can=_can(pending),
    )


def screening_of(row: Any) -> Screening:
    """From a client's columns and the tenant's `time_zone`."""
    expires_at = row["kyc_expires_at"]
    return Screening(
        tier=ClientTier(row["tier"]),
        kyc=kyc_at(recorded=KycState(row["kyc"]), expires_at=expires_at, now=current().now),
        kyc_expires_at=expires_at,
        kyc_last_day=expires_at
        and local_date(expires_at - timedelta(microseconds=1), row["time_zone"]),
        standing=_told(Standing(row["standing"])),
    )


def _told(standing: Standing) -> str:
    """Of a sanctions hit only those learn who record it: others might let its subject know."""
    hidden = standing is Standing.sanctioned and not current().actor.may("client:screen")
    return "under_review" if hidden else standing.value


async def pending_tier_changes() -> list[TierChange]:
    """Every change of tier that waits for its second person, the oldest first."""
    return await _changes(await fetch(f"{_CHANGES} ORDER BY h.id LIMIT 200"))


async def clients_of_tier_changes(*, change_ids: Sequence[UUID]) -> dict[UUID, ClientNamed]:
    """By change, the client whose tier it would change."""
    rows = await fetch(
        "SELECT h.id, c.id AS client_id, c.name FROM tier_change h"
        " JOIN client c ON c.id = h.client_id WHERE h.id = ANY($1)",
        change_ids,
    )
    return {row["id"]: ClientNamed(row["client_id"], row["name"]) for row in rows}


async def _changes(rows: list[Any]) -> list[TierChange]:
    names = await names_of(
        membership_ids=[row["requested_by"] for row in rows if row["requested_by"]]
    )
    return [
        TierChange(
            id=row["id"],
            approval_id=row["approval_id"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            before=ClientTier(row["tier_before"]),
            after=ClientTier(row["tier_after"]),
            note=row["note"],
            requested_by=names.get(row["requested_by"], ""),
            requested_at=row["requested_at"],
        )
        for row in rows
    ]


def _can(pending: TierChange | None) -> frozenset[str]:
    """What the viewer may record of the client now."""
    actor = current().actor
    able = {"kyc", "standing"} if actor.may("client:screen") else set()
    if pending is None and actor.may("tier:request"):
        able.add("tier")
    if pending is not None and actor.may("tier:approve"):
        able.add("decide_tier")
    return frozenset(able)


async def _history(client_id: UUID) -> list[StandingChange]:
    found = await records(
        chosen=AuditFilter(subject_kind="client", subject_id=client_id, action="client."),
        limit=_HISTORY_SHOWN,
    )
    return [_change(record) for record in found if record.action in _WHAT]


def _change(record: AuditRecordView) -> StandingChange:
    what, field = _WHAT[record.action]
    before, after = record.before or {}, record.after or {}
    until = after.get("valid_until")
    return StandingChange(
        at=record.business_at,
        actor=record.actor_name,
        what=what,
        before=str(before.get(field, "")),
        after=f"{after.get(field, '')}{f' until {until}' if until else ''}",
        note=str(after.get("note", "")),
    )


def _manager() -> UUID | None:
    """Whose clients the viewer sees; none where that is everybody's."""
    actor = current().actor
    return None if actor.role in SEES_ALL else actor.id
