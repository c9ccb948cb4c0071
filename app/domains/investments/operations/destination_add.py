"""Add a place that a client can be paid to. It can be used 24 hours later."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import asyncpg

from app.domains.investments.queries.subscriptions import mask_address
from app.domains.investments.values import DestinationKind
from app.kernel import audit
from app.kernel.database import current, execute, fetch_row, savepoint
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id

# So that somebody who got into an account cannot redirect a payout at once.
WAIT = timedelta(hours=24)
_ADDRESS = re.compile(r"[A-Za-z0-9 ]{8,128}\Z", re.ASCII)
_ASSET = re.compile(r"[A-Z][A-Z0-9]{1,11}\Z", re.ASCII)
_LABEL_LENGTH_MAX = 80
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}\Z", re.ASCII)


class DestinationExists(Conflict):
    code = "DESTINATION_EXISTS"
    title = "You have this destination already"


async def add_destination(
    *, label: str, kind: DestinationKind, asset: str, network: str | None, address: str
) -> UUID:
    """Add a destination of the current client. Raises `InputInvalid`, `DestinationExists`.

    Raises `NotFound` where the actor is no client.
    """
    unit = current()
    client = await fetch_row("SELECT id FROM client WHERE membership_id = $1", unit.actor.id)
    if client is None:
        raise NotFound
    label, address = label.strip(), address.strip()
    if not 0 < len(label) <= _LABEL_LENGTH_MAX:
        raise InputInvalid.of("label", "REQUIRED", f"A name of 1 to {_LABEL_LENGTH_MAX} characters")
    if not _ADDRESS.match(address):
        raise InputInvalid.of("address", "NOT_AN_ADDRESS", "8 to 128 letters and digits")
    if not _ASSET.match(asset):
        raise InputInvalid.of("asset", "NOT_AN_ASSET", "Name the asset, such as USDT")
    network = (network or "").strip() or None
    if kind is DestinationKind.wallet and network is None:
        raise InputInvalid.of("network", "REQUIRED", "Name the network of a wallet")
    if network is not None and not _NETWORK.match(network):
        raise InputInvalid.of("network", "NOT_A_NETWORK", "At most 40 letters and digits")
    destination_id = new_id()
    try:
        async with savepoint():
            await execute(
                "INSERT INTO destination (id, tenant_id, client_id, label, kind, asset, network,"
                " address, usable_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                destination_id,
                unit.tenant,
                client["id"],
                label,
                kind.value,
                asset,
                network,
                address,
                unit.now + WAIT,
            )
    except asyncpg.UniqueViolationError as error:
        raise DestinationExists from error
    await audit.record(
        action="destination.add",
        subject_kind="destination",
        subject_id=destination_id,
        after={"label": label, "asset": asset, "address": mask_address(address)},
    )
    return destination_id
