"""What identity gives to the processes that work in the background: where mail goes, and who is told
when the portal itself needs somebody.
"""

from app.domains.identity.queries import address_of, members_with_role
from app.domains.identity.values import Role
from app.kernel.notifications import NoticeGroup, declare_group, notify, register_address_book
from app.kernel.notifications.mail import MAIL_JOB
from app.kernel.outbox import ConsumedEvent, consumer
from app.kernel.outbox.consumers import consumer_kind

ALERT = "identity.alert_operations"

register_address_book(address_of)
declare_group(
    NoticeGroup(
        key="alerts",
        label="Alerts of the portal itself",
        explains="Jobs that failed for good, and invariants that do not hold",
        roles=frozenset({Role.operations.value}),
        is_binding=True,
    )
)


@consumer(
    "job.dead",
    "invariant.broken",
    name=ALERT,
    undone="Operations are not told: look for it yourself",
)
async def alert_operations(event: ConsumedEvent) -> None:
    """Tell everybody of operations, in the portal and by mail, what will not mend itself."""
    if event.type == "job.dead":
        what = event.payload["kind"]
        title = "A job failed for good"
        body = f"A job of kind {what} is a dead letter. Mend its cause, then run it again."
    else:
        what = event.payload["invariant"]
        title = "An invariant is broken"
        body = f"The check of {what} found what must not be. Run verify, and follow the runbook."
    if what == consumer_kind(ALERT):
        # It would fail again, and be told of again, without end.
        return
    await notify(
        recipients=await members_with_role(role=Role.operations),
        event_type=event.type,
        group="alerts",
        title=title,
        body=body,
        link="/notifications",
        event_id=event.id,
        # A mail about a mail that cannot be sent might die as well, and so on without end.
        mail_template=None if what == MAIL_JOB else "notification",
    )
