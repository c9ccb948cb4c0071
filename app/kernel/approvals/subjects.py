"""How a domain joins in: it names a kind of subject, how to lock one, and what a decision does.

The subject is locked before its approval, in every path (deciding, cancelling), so that approving
and cancelling at once cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from app.kernel.approvals.values import Decision, Outcome

Lock = Callable[[UUID], Awaitable[Any]]
Decided = Callable[[Outcome, Any], Awaitable[None]]
SetAside = Callable[[Decision, Any], Awaitable[bool]]


class Subject(NamedTuple):
    lock: Lock
    decided: Decided
    advanced: Decided | None
    set_aside: SetAside | None


_subjects: dict[str, Subject] = {}


def register_subject(
    kind: str,
    *,
    lock: Lock,
    decided: Decided,
    advanced: Decided | None = None,
    set_aside: SetAside | None = None,
) -> None:
    """`lock` takes the subject's row lock, raises `NotFound` where the viewer may not see it, and
    returns what was locked; `decided` gets that, in the transaction of the deciding vote, and
    `advanced` in that of a vote which completes a stage that is not the last.

    `set_aside` is asked before a vote of somebody who may give it is recorded: where it has put the
    subject aside and says so, the vote is not."""
    _subjects[kind] = Subject(lock, decided, advanced, set_aside)


def subject_of(kind: str) -> Subject:
    return _subjects[kind]
