"""An event to refer to: written when its unit of work commits, so it has one of its own."""

from __future__ import annotations

from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.kernel.outbox.emitting import emit


async def an_event(tenant_id: UUID) -> UUID:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        return await emit(type="test.told", subject_kind="thing", subject_id=new_id(), payload={})
