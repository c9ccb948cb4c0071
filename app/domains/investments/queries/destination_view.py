"""A destination's row as people see it: never its whole address."""

from __future__ import annotations

from typing import Any

from app.domains.investments.values import DestinationKind, DestinationState, DestinationView
from app.kernel.clock import seconds_until
from app.kernel.database import current


def destination_view(row: Any) -> DestinationView:
    if row["revoked_at"] is not None:
        state = DestinationState.revoked
    elif row["usable_from"] > current().now:
        state = DestinationState.pending
    else:
        state = DestinationState.usable
    return DestinationView(
        id=row["id"],
        label=row["label"],
        kind=DestinationKind(row["kind"]),
        asset=row["asset"],
        network=row["network"],
        address_masked=mask_address(row["address"]),
        state=state,
        usable_from=row["usable_from"],
        remaining_seconds=max(0, seconds_until(row["usable_from"], current().now))
        if state is DestinationState.pending
        else 0,
        revoked_at=row["revoked_at"],
    )


def mask_address(address: str) -> str:
    """The first and last four characters: enough to recognise, not enough to use."""
    compact = address.replace(" ", "")
    return f"{compact[:4]}…{compact[-4:]}"
