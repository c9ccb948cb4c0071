"""What a job is while it waits and runs."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class JobState(StrEnum):
    """`running` is only ever seen of a job that calls the outside: the others run within one
    transaction, and are pending until it commits. `discarded`: dead, and given up by somebody."""

    pending = "pending"
    running = "running"
    done = "done"
    dead = "dead"
    discarded = "discarded"


class Lane(StrEnum):
    """Where a job waits for its turn. Each lane has its own room, so that one in which nothing
    moves holds up no other."""

    inside = "inside"
    outside = "outside"
    mail = "mail"


class JobRef(msgspec.Struct, frozen=True):
    """Which job, and where: enough to claim it. `kind` chooses the lane it waits in."""

    tenant_id: UUID
    id: UUID
    kind: str


class ClaimedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A row as its runner read it, under its lock; `age` is how long ago it was written."""

    tenant_id: UUID
    id: UUID
    kind: str
    payload: dict[str, Any]
    attempt: int
    failures: int
    request_id: str
    trace: str
    age: timedelta
