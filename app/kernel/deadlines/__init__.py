"""Deadlines: clocks that run on a subject, with marks on the way, in business time.

`start_deadline` and `stop_deadline` belong to operations; `@on_mark` declares what a mark does;
workers fire marks, each exactly once. Schedules (what happens every day) live here as well.
"""

from app.kernel.deadlines.firing import FiredMark, on_mark
from app.kernel.deadlines.operations import (
    DeadlineNotRunning,
    extend_deadline,
    pause_deadline,
    resume_deadline,
    start_deadline,
    stop_deadline,
)
from app.kernel.deadlines.queries import deadline, deadline_counts, deadlines, deadlines_of, trail
from app.kernel.deadlines.values import (
    DeadlineCounts,
    DeadlineState,
    DeadlineView,
    Timer,
    TrailEntry,
)

__all__ = [
    "DeadlineCounts",
    "DeadlineNotRunning",
    "DeadlineState",
    "DeadlineView",
    "FiredMark",
    "Timer",
    "TrailEntry",
    "deadline",
    "deadline_counts",
    "deadlines",
    "deadlines_of",
    "extend_deadline",
    "on_mark",
    "pause_deadline",
    "resume_deadline",
    "start_deadline",
    "stop_deadline",
    "trail",
]
