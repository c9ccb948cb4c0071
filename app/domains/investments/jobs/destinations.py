"""A client is told of each change to where they are paid: it may have been somebody else's hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from app.domains.investments.queries.destination_view import mask_address
from app.kernel.database import fetch_row
from app.kernel.notifications import notify
from app.kernel.outbox import ConsumedEvent, consumer


@consumer("destination.added", "destination.revoked", name="destination.tell")
async def tell_of_destination(event: ConsumedEvent) -> None:
    """In the portal and by mail, with what to do if it was not them."""
    row = await fetch_row(
        "SELECT d.label, d.asset, d.network, d.address, d.usable_from, c.membership_id, t.time_zone"
        " FROM destination d JOIN client c ON c.id = d.client_id JOIN tenant t ON t.id = d.tenant_id"
        " WHERE d.id = $1",
        event.subject_id,
    )
    assert row is not None, "destinations are never deleted"
    network = f", {row['network']}" if row["network"] else ""
    what = f"{row['label']} ({row['asset']}{network}, {mask_address(row['address'])})"
    if event.type == "destination.added":
        usable = row["usable_from"].astimezone(ZoneInfo(row["time_zone"]))
        title = "Destination added"
        body = (
            f"{what} can be paid to from {usable:%d %b %Y, %H:%M %Z}."
            " If it was not you who added it, revoke it now, and tell your relationship manager."
        )
    else:
        title = "Destination revoked"
        held = event.payload["held"]
        waits = {0: "", 1: " One request to it is on hold."}.get(
            held, f" {held} requests to it are on hold."
        )
        body = (
            f"{what} is never paid to again.{waits}"
            " If it was not you who revoked it, tell your relationship manager."
        )
    await notify(
        recipients=[row["membership_id"]],
        event_type=event.type,
        title=title,
        body=body,
        link=f"/destinations/{event.subject_id}",
        event_id=event.id,
        mail_template="notification",
    )
