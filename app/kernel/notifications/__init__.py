"""Notifications: what people are told, in the portal and by mail, once for each event."""

from app.kernel.notifications.choices import GroupChoice, choose_mail, own_choices
from app.kernel.notifications.digests import DigestLine, digest_lines, keep_for_digest
from app.kernel.notifications.groups import NoticeGroup, declare_group
from app.kernel.notifications.mail import register_address_book, register_mail_transport
from app.kernel.notifications.operations import mark_all_read, mark_read, notify
from app.kernel.notifications.queries import NotificationView, notifications_of, unread_count

__all__ = [
    "DigestLine",
    "GroupChoice",
    "NoticeGroup",
    "NotificationView",
    "choose_mail",
    "declare_group",
    "digest_lines",
    "keep_for_digest",
    "mark_all_read",
    "mark_read",
    "notifications_of",
    "notify",
    "own_choices",
    "register_address_book",
    "register_mail_transport",
    "unread_count",
]
