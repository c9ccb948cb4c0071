"""What a deadline is, and how a page counts it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec

from app.kernel.approvals.values import ApprovalState


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


class ChangeKind(StrEnum):
    """What somebody may propose of a clock: a later end, to stand still, to run on."""

    extension = "extension"
    pause = "pause"
    resume = "resume"


class ScheduleClock(StrEnum):
    """Cutoffs and accruals follow business time; looking after ourselves follows real time."""

    business = "business"
    real = "real"


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline as a page counts it. `remaining_seconds` is negative when late, and frozen once
    the clock has stopped; `total_seconds` is the whole time that was given. `outcome` is what it was
    stopped for, met or cancelled: a breach keeps its state."""

    id: UUID
    kind: str
    state: str  # running | met | breached | paused | cancelled
    started_at: datetime
    due_at: datetime
    remaining_seconds: int
    total_seconds: int
    stopped_at: datetime | None
    outcome: str | None

    @property
    def is_running(self) -> bool:
        return self.state == "running"


class DeadlineView(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline in a list of many subjects'. `pending_approval_id` is that of the change which
    somebody has proposed, and nobody has decided on yet."""

    subject_kind: str
    subject_id: UUID
    timer: Timer
    marks_left: list[Decimal]
    pending_approval_id: UUID | None


class DeadlineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`at_risk` are those of `running` with 80% of their time gone; `breached_open` those whose
    time has run out and that nobody has met yet."""

    running: int
    at_risk: int
    breached_open: int


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a deadline. `state` and `due_at` are those after it. `asked_by` is
    who proposed it, where somebody had to; `actor_name` is then who approved it."""

    version: int
    event: TrailEvent
    fraction: Decimal | None
    state: DeadlineState
    due_at: datetime
    at: datetime
    actor_name: str
    asked_by: str
    approval_id: UUID | None
    reason: str


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a clock that somebody proposed, and what became of it. `due_at` is the new end of
    an extension; `decided_by` is empty where nobody decided: the clock stopped first."""

    approval_id: UUID
    deadline_id: UUID
    kind: ChangeKind
    due_at: datetime | None
    due_before: datetime
    reason: str
    asked_by: UUID | None
    asked_by_name: str
    asked_at: datetime
    state: ApprovalState
    decided_by: str
    decided_at: datetime | None
    note: str


def mark_at(due_at: datetime, total_seconds: int, fraction: Decimal) -> datetime:
    """When the mark stands: the last one at `due_at`, the others that share of the time before."""
    microseconds = (1 - fraction) * total_seconds * 1_000_000
    return due_at - timedelta(microseconds=int(microseconds))


def marks_left_at(view: DeadlineView, *, longer_seconds: int = 0) -> list[tuple[Decimal, datetime]]:
    """When each mark stands that has not fired, were the clock given `longer_seconds` more."""
    timer = view.timer
    due_at = timer.due_at + timedelta(seconds=longer_seconds)
    total = timer.total_seconds + longer_seconds
    return [(fraction, mark_at(due_at, total, fraction)) for fraction in view.marks_left]
