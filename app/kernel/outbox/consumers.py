"""Who reacts to an event: functions declared with `@consumer`, each run as a job of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.database import fetch_row
from app.kernel.jobs.registry import JobSpec, is_sealed, register


class ConsumedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its consumer sees it. `actor_id` is who made it happen, none for the portal."""

    id: UUID
    type: str
    version: int
    subject_kind: str
    subject_id: UUID
    payload: dict[str, Any]
    actor_id: UUID | None
    actor_name: str
    occurred_at: datetime


Reaction = Callable[[ConsumedEvent], Awaitable[None]]

_consumers: dict[str, list[str]] = {}


def consumer(
    *types: str, name: str, undone: str = "", together: bool = False
) -> Callable[[Reaction], Reaction]:
    """Run the function once for every event of `types`, in a unit of work of its own.

    It may be run twice (its work is rolled back when it fails or is killed), takes effect once.
    `name` is stored on rows: renaming it loses what waits for the old one. `undone` says what stays
    undone when a dead one is discarded. `together` as of `@job`.
    """

    def declare(function: Reaction) -> Reaction:
        async def run(*, payload: dict[str, Any]) -> None:
            await function(await _event(UUID(payload["event_id"])))

        register(JobSpec(kind=consumer_kind(name), function=run, undone=undone, together=together))
        for event_type in types:
            _consumers.setdefault(event_type, []).append(name)
        return function

    return declare


def consumer_kind(name: str) -> str:
    return f"consume:{name}"


def consumers_of(event_type: str) -> list[str]:
    """The names of the consumers of `event_type`.

    Raises `RuntimeError` while the declarations are not loaded: an event written then would
    silently have no reactions. Every process calls `app.registry.load()` when it starts.
    """
    if not is_sealed():
        raise RuntimeError("no event is emitted before app.registry.load() was called")
    return _consumers.get(event_type, [])


async def _event(event_id: UUID) -> ConsumedEvent:
    row = await fetch_row(
        "SELECT id, type, version, subject_kind, subject_id, payload, actor_id, actor_name,"
        " occurred_at FROM outbox_event WHERE id = $1",
        event_id,
    )
    assert row is not None, "events are never deleted, and jobs refer to them"
    return ConsumedEvent(**dict(row))
