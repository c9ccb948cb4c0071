"""Tell people something, and note that they have read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.kernel.database import current, execute, fetch, fetch_value
from app.kernel.errors import NotFound, NotPermitted
from app.kernel.ids import new_id
from app.kernel.jobs.queue import enqueue
from app.kernel.notifications.choices import wanting_mail
from app.kernel.notifications.mail import MAIL_JOB
from app.kernel.outbox.emitting import emit


def member_topic(membership_id: UUID) -> str:
    """What the bell of this person's pages listens to."""
    return f"member:{membership_id}"


async def notify(
    *,
    recipients: Sequence[UUID],
    event_type: str,
    title: str,
    body: str,
    link: str,
    event_id: UUID,
    group: str | None = None,
    mail_template: str | None = None,
    mail_context: dict[str, Any] | None = None,
) -> None:
    """Tell each of `recipients` (memberships) once of the event, however often this is called.

    `link` is a path of the portal. With `mail_template`, a folder of templates/emails, each of
    them gets a mail as well, with `mail_context` besides title, body and link; but not who chose
    to hear of the `group` in the portal alone. Of a past that is loaded nobody gets a mail: it
    would be months late.
    """
    unit = current()
    told = await fetch(
        "INSERT INTO notification (tenant_id, id, recipient_id, event_id, event_type, title, body,"
        " link, created_at)"
        " SELECT $1, told.id, told.recipient_id, $4, $5, $6, $7, $8, $9"
        " FROM unnest($2::uuid[], $3::uuid[]) AS told (id, recipient_id)"
        " ON CONFLICT (tenant_id, event_id, recipient_id, event_type) DO NOTHING"
        " RETURNING id, recipient_id",
        unit.tenant,
        [new_id() for _ in recipients],
        list(recipients),
        event_id,
        event_type,
        title,
        body,
        link,
        unit.now,
    )
    if not told:
        return
    await emit(
        type="notification.created",
        subject_kind="outbox_event",
        subject_id=event_id,
        payload={"event_type": event_type, "recipients": [row["recipient_id"] for row in told]},
        topics=[member_topic(row["recipient_id"]) for row in told],
    )
    if mail_template is None or unit.loads_past:
        return
    context = {"title": title, "body": body, "link": link, **(mail_context or {})}
    mailed = {row["recipient_id"] for row in told}
    if group is not None:
        mailed = await wanting_mail(group=group, recipients=list(mailed))
    for row in told:
        if row["recipient_id"] not in mailed:
            continue
        await enqueue(
            kind=MAIL_JOB,
            key=str(row["id"]),
            payload={
                "recipient_id": str(row["recipient_id"]),
                "template": mail_template,
                "context": context,
            },
        )


async def mark_read(*, notification_ids: Sequence[UUID]) -> None:
    """The current person has read these. Raises `NotFound` when one is not theirs."""
    person = _person()
    found = await fetch_value(
        "SELECT count(*) FROM notification WHERE id = ANY($1) AND recipient_id = $2",
        list(notification_ids),
        person,
    )
    if found != len(set(notification_ids)):
        raise NotFound
    await _mark("AND id = ANY($3)", person, list(notification_ids))


async def mark_all_read() -> None:
    """The current person has read everything there was."""
    await _mark("", _person())


async def _mark(which: str, person: UUID, *args: Any) -> None:
    unit = current()
    changed = await execute(
        "UPDATE notification SET read_at = $1 WHERE recipient_id = $2 AND read_at IS NULL " + which,
        unit.now,
        person,
        *args,
    )
    if changed == "UPDATE 0":
        return
    # Their other open pages show the new count.
    await emit(
        type="notification.read",
        subject_kind="membership",
        subject_id=person,
        payload={"count": int(changed.split()[1])},
        topics=[member_topic(person)],
    )


def _person() -> UUID:
    person = current().actor.id
    if person is None:
        raise NotPermitted("The portal itself is told nothing")
    return person
