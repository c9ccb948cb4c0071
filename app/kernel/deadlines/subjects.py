"""How a domain lets people change the clocks of what is its own.

A domain that registers nothing lets nobody: its clocks can only be started and stopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.kernel.approvals.values import ApprovalState
from app.kernel.deadlines.values import ChangeKind
from app.kernel.errors import NotFound


class ChangeNews(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change: proposed (`pending`), approved or rejected. `due_at` is when the
    clock is due after it, `remaining_seconds` what is left until then."""

    deadline_id: UUID
    clock: str
    kind: ChangeKind
    state: ApprovalState
    due_at: datetime
    remaining_seconds: int
    asked_by: UUID
    reason: str
    note: str


Lock = Callable[[UUID], Awaitable[Any]]
Check = Callable[[ChangeKind, str, Any], None]
Tell = Callable[[ChangeNews, Any], Awaitable[None]]


class ClockSubject(NamedTuple):
    lock: Lock
    check: Check
    tell: Tell


_subjects: dict[str, ClockSubject] = {}


def register_clock_subject(kind: str, *, lock: Lock, check: Check, tell: Tell) -> None:
    """`lock` takes the subject's row lock, raises `NotFound` where the viewer may not see it, and
    returns what was locked. `check` gets the change, the clock's kind and that, and raises where
    this change of such a clock is not allowed now. `tell` leaves the subject's own trail and says
    it to those who wait for the clock, in the transaction of the change.
    """
    _subjects[kind] = ClockSubject(lock, check, tell)


def clock_subject_of(kind: str) -> ClockSubject:
    """Raises `NotFound` where the domain lets nobody change its clocks."""
    found = _subjects.get(kind)
    if found is None:
        raise NotFound
    return found
