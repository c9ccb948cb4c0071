"""What a deadline is, and how a page counts it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec


class DeadlineState(StrEnum):
    """`breached` stays, even when what was due is done later: `stopped_at` then says when."""

    running = "running"
    met = "met"
    breached = "breached"
    paused = "paused"
    cancelled = "cancelled"


class TrailEvent(StrEnum):
    started = "started"
    mark = "mark"
    paused = "paused"
    resumed = "resumed"
    extended = "extended"
    stopped = "stopped"


class ScheduleClock(StrEnum):
    """Cutoffs and accruals follow business time; looking after ourselves follows real time."""

    business = "business"
    real = "real"


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline as a page counts it. `remaining_seconds` is negative when late, and frozen once
    the clock has stopped; `total_seconds` is the whole time that was given."""

    id: UUID
    kind: str
    state: str  # running | met | breached | paused | cancelled
    started_at: datetime
    due_at: datetime
    remaining_seconds: int
    total_seconds: int

    @property
    def is_running(self) -> bool:
        return self.state == "running"


class DeadlineView(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline in a list of many subjects'."""

    subject_kind: str
    subject_id: UUID
    stopped_at: datetime | None
    timer: Timer


class DeadlineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`at_risk` are those of `running` with 80% of their time gone; `breached_open` those whose
    time has run out and that nobody has met yet."""

    running: int
    at_risk: int
    breached_open: int


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a deadline. `state` and `due_at` are those after it."""

    version: int
    event: TrailEvent
    fraction: Decimal | None
    state: DeadlineState
    due_at: datetime
    at: datetime
    actor_name: str
    approval_id: UUID | None
    reason: str


def mark_at(due_at: datetime, total_seconds: int, fraction: Decimal) -> datetime:
    """When the mark stands: the last one at `due_at`, the others that share of the time before."""
    microseconds = (1 - fraction) * total_seconds * 1_000_000
    return due_at - timedelta(microseconds=int(microseconds))
