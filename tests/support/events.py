"""Events to refer to, and to tell pages of."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.kernel.outbox.emitting import emit
from app.kernel.trail import EventRow


async def an_event(tenant_id: UUID) -> UUID:
    """Written when its unit of work commits, so it has one of its own."""
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        return await emit(type="test.told", subject_kind="thing", subject_id=new_id(), payload={})


def an_event_row(*topics: str) -> EventRow:
    """As a unit of work leaves it behind; it is in no database."""
    return EventRow(
        id=new_id(),
        type="test.told",
        version=1,
        subject_kind="thing",
        subject_id=new_id(),
        payload={},
        topics=topics,
        consumers=[],
        actor_id=None,
        actor_name="",
        request_id="",
        trace="",
        occurred_at=datetime.now(UTC),
        reactions=[],
    )
