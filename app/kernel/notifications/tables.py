"""In-app notifications."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB


class Notification(Table, tablename="notification", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    recipient_id = columns.identifier()
    event_id = columns.identifier()
    event_type = columns.words()
    title = columns.words()
    body = columns.words()
    link = columns.words()
    created_at = columns.instant()
    read_at = columns.instant(null=True)
