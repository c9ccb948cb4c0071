"""Who is told what about a redemption. One table, so that it can be read beside the design's."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from app.domains.identity.public import Role, members_with_role
from app.kernel.database import fetch_row
from app.kernel.notifications import notify
from app.kernel.outbox import ConsumedEvent, consumer


class Message(NamedTuple):
    """`audience` names roles; client and rm are the redemption's own, `asked_by` is who proposed
    what this is about. Texts name its amounts."""

    audience: tuple[str, ...]
    title: str
    body: str


_WHAT = "{reference}: {net} {asset} from {product}"
MESSAGES: dict[str, Message] = {
    "redemption.requested": Message(
        ("client", "rm"), "Redemption requested", _WHAT + ". It waits for the manager's approval."
    ),
    "redemption.approved": Message(
        ("client", "rm", "trader"), "Redemption approved", _WHAT + ". It is paid within 36 hours."
    ),
    "redemption.rejected": Message(
        ("client", "rm"), "Redemption rejected", _WHAT + ". The units are free again. {note}"
    ),
    "redemption.cancelled": Message(
        ("client", "rm"), "Redemption cancelled", _WHAT + ". The units are free again."
    ),
    "redemption.awaiting_client": Message(
        ("client", "rm"),
        "Your answer is needed",
        _WHAT + " is what it comes to now. {note}. Accept it within 24 hours, or it lapses.",
    ),
    "redemption.client_reminder": Message(
        ("client",), "Your answer is still needed", _WHAT + " waits for you. {note}."
    ),
    "redemption.lapsed": Message(
        ("client", "rm"), "Redemption lapsed", _WHAT + ". The units are free again. {note}."
    ),
    "redemption.held": Message(
        ("client", "rm", "trader", "operations", "compliance"),
        "Redemption on hold",
        _WHAT + ". {note}",
    ),
    "redemption.resumed": Message(
        ("client", "rm", "trader"), "Redemption resumed", _WHAT + " goes on."
    ),
    "redemption.reassigned": Message(
        ("rm",), "Redemption given to you to decide", _WHAT + ". {note}"
    ),
    "redemption.ready": Message(
        ("client", "rm"), "Redemption ready for payout", _WHAT + ". The assets are set aside."
    ),
    "redemption.sent": Message(("client", "rm"), "Payout sent", _WHAT + ". It is on its way."),
    "redemption.completed": Message(
        ("client", "rm"), "Redemption paid", _WHAT + " has been paid. {note}"
    ),
    "redemption.payout_failed": Message(
        ("client", "rm", "trader", "operations"),
        "Payout failed",
        _WHAT + ". The custodian refused it, nothing has left; it will be sent again.",
    ),
    "redemption.payout_withheld": Message(
        ("trader", "operations", "compliance"),
        "Payout not sent again",
        _WHAT + ". The custodian does not know of it, and it may not be sent: {note}.",
    ),
    "redemption.approval_reminder": Message(
        ("rm",), "Approval waiting", _WHAT + " still waits for your approval. {note}."
    ),
    "redemption.approval_overdue": Message(
        ("rm", "operations"), "Approval overdue", _WHAT + " was not decided within 24 hours."
    ),
    "redemption.compliance_asked": Message(
        ("client", "compliance"),
        "Redemption waits for compliance",
        _WHAT + ". The manager approved it; compliance decides within 12 hours.",
    ),
    "redemption.compliance_reminder": Message(
        ("compliance",), "Clearance waiting", _WHAT + " still waits for compliance. {note}."
    ),
    "redemption.compliance_overdue": Message(
        ("rm", "compliance", "operations"),
        "Clearance overdue",
        _WHAT + " was not decided by compliance within 12 hours.",
    ),
    "redemption.payout_warning": Message(
        ("trader",), "Payout due soon", _WHAT + " is not paid yet. {note}."
    ),
    "redemption.payout_breached": Message(
        ("client", "rm", "trader", "operations"),
        "36-hour promise breached",
        _WHAT + " was not paid within 36 hours of its approval.",
    ),
    "redemption.payout_extended": Message(
        ("client", "rm", "trader", "operations"), "More time for a payout", _WHAT + ". {note}."
    ),
    "redemption.payout_paused": Message(
        ("client", "rm", "trader", "operations"), "Payout clock paused", _WHAT + ". {note}."
    ),
    "redemption.payout_resumed": Message(
        ("client", "rm", "trader", "operations"), "Payout clock runs on", _WHAT + ". {note}."
    ),
    "redemption.approval_extended": Message(
        ("rm", "operations"), "More time to approve", _WHAT + " waits for the manager. {note}."
    ),
    "redemption.compliance_extended": Message(
        ("rm", "compliance", "operations"),
        "More time for compliance",
        _WHAT + " waits for compliance. {note}.",
    ),
    "redemption.client_extended": Message(
        ("client", "rm"), "More time to accept", _WHAT + " waits for the client. {note}."
    ),
    "redemption.clock_change_proposed": Message(
        ("operations", "compliance"),
        "A clock waits for your decision",
        _WHAT + ": somebody proposed to change its {clock} clock ({change}). {note}",
    ),
    "redemption.clock_change_rejected": Message(
        ("asked_by",), "Your proposal was rejected", _WHAT + ": its {clock} clock stays. {note}"
    ),
}


@consumer(*MESSAGES, name="redemption.tell")
async def tell(event: ConsumedEvent) -> None:
    """Put the event before everybody whom it concerns, in the portal and by mail."""
    message = MESSAGES[event.type]
    row = await fetch_row(
        "SELECT r.reference, r.net, p.places, p.asset, p.name AS product, c.membership_id,"
        " r.approver_membership_id FROM redemption r JOIN product p ON p.id = r.product_id"
        " JOIN client c ON c.id = r.client_id WHERE r.id = $1",
        event.subject_id,
    )
    assert row is not None, "redemptions are never deleted"
    words = {
        "reference": row["reference"],
        "net": f"{row['net']:,.{row['places']}f}",
        "asset": row["asset"],
        "product": row["product"],
        "note": event.payload.get("note", ""),
        "clock": event.payload.get("clock", ""),
        "change": event.payload.get("change", ""),
    }
    # What is proposed of a clock, and what became of it, stands on the clock's own page.
    clock = event.payload.get("deadline_id")
    await notify(
        recipients=await _recipients(message.audience, row, event),
        event_type=event.type,
        title=message.title,
        body=message.body.format(**words).strip(),
        link=f"/deadlines/{clock}" if clock else f"/redemptions/{event.subject_id}",
        event_id=event.id,
        mail_template="notification",
    )


async def _recipients(audience: tuple[str, ...], row: Any, event: ConsumedEvent) -> list[UUID]:
    asked_by = UUID(event.payload["asked_by"]) if "asked_by" in event.payload else None
    found: list[UUID] = []
    for who in audience:
        if who == "client":
            found.append(row["membership_id"])
        elif who == "rm":
            found.append(row["approver_membership_id"])
        elif who == "asked_by":
            assert asked_by is not None, "only told of what somebody proposed"
            found.append(asked_by)
        else:
            # Whoever proposed it need not be told to decide: they may not.
            found += [one for one in await members_with_role(role=Role(who)) if one != asked_by]
    return list(dict.fromkeys(found))
