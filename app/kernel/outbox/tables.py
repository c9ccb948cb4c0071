"""The outbox table."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB
from app.kernel.outbox.values import EventState


class OutboxEvent(Table, tablename="outbox_event", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    type = columns.words()
    version = columns.whole()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    payload = columns.json()
    topics = columns.words_list()
    consumers = columns.words_list()
    actor_id = columns.identifier(null=True)
    actor_name = columns.words()
    request_id = columns.words()
    trace = columns.words()
    occurred_at = columns.instant()
    recorded_at = columns.instant()
    state = columns.choice(EventState)
    published_at = columns.instant(null=True)
