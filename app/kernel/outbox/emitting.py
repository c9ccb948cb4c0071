"""Say what happened: an event, in the transaction that made it happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.kernel.database import current
from app.kernel.ids import new_id
from app.kernel.outbox.consumers import consumer_kind, consumers_of
from app.kernel.trail import EventRow, ReactionRow


async def emit(
    *,
    type: str,  # noqa: A002 - the word that events use everywhere
    subject_kind: str,
    subject_id: UUID,
    payload: dict[str, Any],
    topics: Sequence[str] = (),
    version: int = 1,
) -> UUID:
    """Have an event written, and in the same statement a job for each of its consumers, with the
    commit; returns its id.

    `payload` follows docs/events/<type>.v<version>.json. `topics` are what live pages listen to,
    as in `redemption:<id>`. Nothing leaves the process: the relay and the workers do that after
    the commit.
    """
    unit = current()
    assert unit.tenant_id is not None, "what happens happens in a tenant"
    event_id = new_id()
    consumers = consumers_of(type)
    unit.trail.events.append(
        EventRow(
            id=event_id,
            type=type,
            version=version,
            subject_kind=subject_kind,
            subject_id=subject_id,
            payload=payload,
            topics=list(topics),
            consumers=consumers,
            actor_id=unit.actor.id,
            actor_name=unit.actor.name,
            request_id=unit.actor.request_id,
            trace=unit.actor.trace,
            occurred_at=unit.now,
            reactions=[
                ReactionRow(id=new_id(), kind=consumer_kind(name), consumer=name)
                for name in consumers
            ],
        )
    )
    return event_id
