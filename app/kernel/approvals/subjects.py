"""How a domain joins in: it names a kind of subject, how to lock one, and what a decision does.

The subject is locked before its approval, in every path (deciding, cancelling), so that approving
and cancelling at once cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from app.kernel.approvals.values import Outcome


class Subject(NamedTuple):
    lock: Callable[[UUID], Awaitable[None]]
    decided: Callable[[Outcome], Awaitable[None]]


_subjects: dict[str, Subject] = {}


def register_subject(
    kind: str,
    *,
    lock: Callable[[UUID], Awaitable[None]],
    decided: Callable[[Outcome], Awaitable[None]],
) -> None:
    """`lock` takes the subject's row lock and raises `NotFound` where the viewer may not see it;
    `decided` runs in the transaction of the deciding vote, once it is final."""
    _subjects[kind] = Subject(lock, decided)


def subject_of(kind: str) -> Subject:
    return _subjects[kind]
