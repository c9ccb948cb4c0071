"""Notifications: what people are told, in the portal and by mail, once for each event."""

from app.kernel.notifications.mail import register_address_book, register_mail_transport
from app.kernel.notifications.operations import mark_all_read, mark_read, notify
from app.kernel.notifications.queries import NotificationView, notifications_of, unread_count

__all__ = [
    "NotificationView",
    "mark_all_read",
    "mark_read",
    "notifications_of",
    "notify",
    "register_address_book",
    "register_mail_transport",
    "unread_count",
]
