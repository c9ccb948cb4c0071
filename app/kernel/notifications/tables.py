"""In-app notifications, choices of mail, and the lines of the daily digest."""

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


class NotificationChoice(Table, tablename="notification_choice", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    recipient_id = columns.identifier()
    group_key = columns.words()
    by_mail = columns.flag()
    chosen_at = columns.instant()


class NotificationDigestLine(Table, tablename="notification_digest_line", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    recipient_id = columns.identifier()
    event_id = columns.identifier()
    text = columns.words()
    link = columns.words()
    happened_at = columns.instant()
    digest_event_id = columns.identifier(null=True)
