"""Add a place that a client can be paid to. It can be used 24 hours later."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from app.domains.investments.calculations.addresses import (
    EVM_ADDRESS,
    checksummed,
    has_checksum,
    iban_checks,
    is_iban,
)
from app.domains.investments.queries.destination_view import mask_address
from app.domains.investments.values import DestinationKind
from app.kernel import audit
from app.kernel.database import current, execute, fetch, fetch_row, savepoint
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.outbox import emit

# So that somebody who got into an account cannot redirect a payout at once.
WAIT = timedelta(hours=24)
# Chains whose addresses are Ethereum's; an address of any other is held to no checksum.
EVM_NETWORKS = frozenset(
    {"arbitrum", "avalanche", "base", "bsc", "ethereum", "optimism", "polygon"}
)
_ADDRESS = re.compile(r"[A-Za-z0-9]{8,128}\Z", re.ASCII)
_LABEL_LENGTH_MAX = 80


class DestinationExists(Conflict):
    code = "DESTINATION_EXISTS"
    title = "You have this destination already"


async def add_destination(
    *, label: str, kind: DestinationKind, asset: str, network: str | None, address: str
) -> UUID:
    """Add a destination of the current client. Raises `InputInvalid`, `DestinationExists`.

    Its address is kept as it is written on its network: checksummed, or without spaces.
    Raises `NotFound` where the actor is no client.
    """
    unit = current()
    client = await fetch_row(
        "SELECT id, membership_id FROM client WHERE membership_id = $1", unit.actor.id
    )
    if client is None:
        raise NotFound
    label = label.strip()
    if not 0 < len(label) <= _LABEL_LENGTH_MAX:
        raise InputInvalid.of("label", "REQUIRED", f"A name of 1 to {_LABEL_LENGTH_MAX} characters")
    network = (network or "").strip() or None
    await _check_network(kind, asset, network)
    compact = "".join(address.split())
    if kind is DestinationKind.bank:
        address = _checked_iban(compact)
    elif network in EVM_NETWORKS:
        address = _checked_evm_address(compact)
    else:
        address = _checked_address(compact)
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
    await _leave_trail(destination_id, client, label, asset, address)
    return destination_id


async def _leave_trail(
    destination_id: UUID, client: Any, label: str, asset: str, address: str
) -> None:
    await audit.record(
        action="destination.add",
        subject_kind="destination",
        subject_id=destination_id,
        after={"label": label, "asset": asset, "address": mask_address(address)},
    )
    await emit(
        type="destination.added",
        subject_kind="destination",
        subject_id=destination_id,
        payload={"client_id": str(client["id"])},
        topics=[f"client:{client['membership_id']}"],
    )


async def _check_network(kind: DestinationKind, asset: str, network: str | None) -> None:
    """What no product pays, or on which network it does not, is no destination for anything."""
    rows = await fetch("SELECT DISTINCT asset, network FROM product ORDER BY asset, network")
    if asset not in {row["asset"] for row in rows}:
        names = ", ".join(sorted({row["asset"] for row in rows}))
        raise InputInvalid.of("asset", "NOT_AN_ASSET", f"One that a product pays: {names}")
    if kind is DestinationKind.bank:
        if network is not None:
            raise InputInvalid.of("network", "UNKNOWN_NETWORK", "A bank account has no network")
        return
    if network is None:
        raise InputInvalid.of("network", "REQUIRED", "Name the network of a wallet")
    networks = [row["network"] for row in rows if row["asset"] == asset]
    if network not in networks:
        raise InputInvalid.of(
            "network", "UNKNOWN_NETWORK", f"{asset} is paid on {', '.join(networks)}"
        )


def _checked_evm_address(address: str) -> str:
    if not EVM_ADDRESS.match(address):
        raise InputInvalid.of("address", "NOT_AN_ADDRESS", "0x and 40 hexadecimal digits")
    if not int(address, 16):
        raise InputInvalid.of("address", "NOT_AN_ADDRESS", "Nobody can spend from address zero")
    right = checksummed(address)
    if has_checksum(address) and address != right:
        raise InputInvalid.of(
            "address",
            "WRONG_CHECKSUM",
            "The checksum in its letters is wrong: copy the whole address again",
        )
    return right


def _checked_iban(address: str) -> str:
    iban = address.upper()
    if not is_iban(iban):
        raise InputInvalid.of(
            "address", "NOT_AN_ADDRESS", "An IBAN: two letters, two check digits, the account"
        )
    if not iban_checks(iban):
        raise InputInvalid.of(
            "address", "WRONG_CHECKSUM", "The check digits of this IBAN are wrong: look for a typo"
        )
    return iban


def _checked_address(address: str) -> str:
    if not _ADDRESS.match(address):
        raise InputInvalid.of("address", "NOT_AN_ADDRESS", "8 to 128 letters and digits")
    return address
