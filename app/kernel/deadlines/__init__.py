"""Deadlines: clocks that run on a subject, with marks on the way, in business time.

`start_deadline` and `stop_deadline` belong to operations; `@on_mark` declares what a mark does;
workers fire marks, each exactly once. People change a clock by `changes`, two of them at a time.
Schedules (what happens every day) live here as well.
"""

from app.kernel.deadlines.changes import (
    ChangePending,
    DeadlineMoved,
    end_pause,
    propose_extension,
    propose_pause,
    propose_resume,
)
from app.kernel.deadlines.firing import FiredMark, on_mark
from app.kernel.deadlines.operations import (
    DeadlineNotRunning,
    start_deadline,
    stop_deadline,
)
from app.kernel.deadlines.queries import (
    DEADLINES,
    DeadlineFilter,
    changes_by_approval,
    changes_of,
    deadline,
    deadline_count,
    deadline_counts,
    deadline_kinds,
    deadlines,
    deadlines_of,
    subjects_of,
    trail,
    trails,
)
from app.kernel.deadlines.subjects import ChangeNews, register_clock_subject
from app.kernel.deadlines.values import (
    ChangeKind,
    ChangeView,
    DeadlineCounts,
    DeadlineState,
    DeadlineView,
    Timer,
    TrailEntry,
)

__all__ = [
    "DEADLINES",
    "ChangeKind",
    "ChangeNews",
    "ChangePending",
    "ChangeView",
    "DeadlineCounts",
    "DeadlineFilter",
    "DeadlineMoved",
    "DeadlineNotRunning",
    "DeadlineState",
    "DeadlineView",
    "FiredMark",
    "Timer",
    "TrailEntry",
    "changes_by_approval",
    "changes_of",
    "deadline",
    "deadline_count",
    "deadline_counts",
    "deadline_kinds",
    "deadlines",
    "deadlines_of",
    "end_pause",
    "on_mark",
    "propose_extension",
    "propose_pause",
    "propose_resume",
    "register_clock_subject",
    "start_deadline",
    "stop_deadline",
    "subjects_of",
    "trail",
    "trails",
]
