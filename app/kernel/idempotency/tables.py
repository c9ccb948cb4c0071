"""Idempotency keys, scoped by tenant, actor and route."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB


class IdempotencyKey(Table, tablename="idempotency_key", db=DB):
    tenant_id = columns.identifier()
    actor_id = columns.identifier()
    route = columns.words()
    key = columns.words(primary_key=True)
    body_hash = columns.octets()
    created_at = columns.instant()
    status = columns.whole(null=True)
    headers = columns.json(null=True)
    body = columns.octets(null=True)
    moved_money = columns.flag()
