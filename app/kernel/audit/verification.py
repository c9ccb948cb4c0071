"""Recomputing the audit trail: every record's hash, every batch, the chain, and what was exported.

Finds a record edited, removed, inserted or reordered, and names it; a batch edited, removed or cut
off the end; and, against the exported checkpoints, a chain rewritten whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app.kernel.actors import SYSTEM
from app.kernel.audit.checkpoints import ExportedCheckpoint, Statement, exported_checkpoints
from app.kernel.audit.hashing import (
    FIRST_PREVIOUS_HASH,
    LEAF_COLUMNS,
    BatchContent,
    batch_hash,
    leaf_hash,
    merkle_root,
    split_leaves,
)
from app.kernel.audit.signing import is_signed
from app.kernel.audit.values import AuditReport
from app.kernel.database import current, fetch, fetch_row, fetch_value, unit_of_work
from app.kernel.invariants import tenant_ids

BATCHES_A_TRANSACTION = 20


class AuditBroken(Exception):
    """The first thing found wrong, in words."""


class _Progress:
    """What has been recomputed so far."""

    def __init__(self) -> None:
        self.records = 0
        self.batches = 0
        self.checkpoints = 0
        self.previous_hash = FIRST_PREVIOUS_HASH
        # Where the last batch of each cluster ended: transaction number and record.
        self.ends: dict[int, tuple[int, UUID]] = {}
        self.hashes: dict[int, str] = {}


async def verify_all_audits() -> list[AuditReport]:
    """The report of every tenant. Call it outside a unit of work."""
    return [await verify_audit(tenant_id=tenant_id) for tenant_id in await tenant_ids()]


async def verify_audit(*, tenant_id: UUID) -> AuditReport:
    """Recompute the whole trail of one tenant and compare it with what was exported."""
    progress = _Progress()
    unsealed = 0
    first_break = None
    try:
        # First, so that every batch they name is in the chain by the time it is read.
        exported = await exported_checkpoints(tenant_id=tenant_id)
        await _verify_chain(tenant_id, progress)
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
            unsealed = await _verify_rest(progress)
            kept = await fetch(
                "SELECT batch_number, statement, location FROM audit_checkpoint "
                "WHERE tenant_id = $1 AND exported_at IS NOT NULL ORDER BY batch_number",
                tenant_id,
            )
        _verify_checkpoints(tenant_id, exported, kept, progress)
    except AuditBroken as broken:
        first_break = str(broken)
    return AuditReport(
        tenant=tenant_id,
        ok=first_break is None,
        records=progress.records,
        unsealed=unsealed,
        batches=progress.batches,
        checkpoints=progress.checkpoints,
        first_break=first_break,
    )


_BATCHES = """
SELECT b.*, e.cluster_id, (extract(epoch FROM b.sealed_at) * 1000000)::bigint AS sealed_microseconds
FROM audit_batch b
JOIN audit_epoch e ON e.tenant_id = b.tenant_id AND e.number = b.epoch_number
WHERE b.tenant_id = $1 AND b.number > $2 ORDER BY b.number LIMIT $3
"""


async def _verify_chain(tenant_id: UUID, progress: _Progress) -> None:
    last = 0
    while True:
        # Several short transactions: what they read never changes.
        async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
            batches = await fetch(_BATCHES, tenant_id, last, BATCHES_A_TRANSACTION)
            for batch in batches:
                if batch["number"] != last + 1:
                    raise AuditBroken(f"batch {last + 1} was removed")
                await _verify_batch(batch, progress)
                last = batch["number"]
        if not batches:
            return


_RECORDS = f"""
SELECT id, xid, action, {LEAF_COLUMNS} FROM audit_record
WHERE tenant_id = $1 AND cluster_id = $2
  AND (xid, id) > ($3::text::xid8, $4::uuid) AND (xid, id) <= ($5::text::xid8, $6::uuid)
ORDER BY xid, id
"""


async def _verify_batch(batch: asyncpg.Record, progress: _Progress) -> None:
    number = batch["number"]
    cluster = batch["cluster_id"]
    xid, record_id = progress.ends.get(cluster, (0, UUID(int=0)))
    rows = await fetch(
        _RECORDS,
        current().tenant,
        cluster,
        str(xid),
        record_id,
        str(batch["last_xid"]),
        batch["last_id"],
    )
    leaves = split_leaves(batch["leaves"])
    await _compare_records(number, batch["record_ids"], leaves, rows)
    content = BatchContent(
        tenant=batch["tenant_id"],
        number=number,
        epoch_number=batch["epoch_number"],
        cluster_id=cluster,
        last_xid=batch["last_xid"],
        last_id=batch["last_id"],
        record_ids=batch["record_ids"],
        leaves=batch["leaves"],
        root=batch["root"],
        previous_hash=batch["previous_hash"],
        sealed_at_microseconds=batch["sealed_microseconds"],
    )
    if merkle_root(leaves) != batch["root"] or batch_hash(content) != batch["hash"]:
        raise AuditBroken(f"batch {number} was edited")
    if batch["previous_hash"] != progress.previous_hash:
        raise AuditBroken(f"batch {number} does not follow batch {number - 1}: one was rewritten")
    progress.previous_hash = batch["hash"]
    progress.hashes[number] = batch["hash"].hex()
    progress.ends[cluster] = (batch["last_xid"], batch["last_id"])
    progress.batches += 1
    progress.records += len(rows)


async def _compare_records(
    number: int, sealed_ids: Sequence[UUID], leaves: Sequence[bytes], rows: Sequence[asyncpg.Record]
) -> None:
    """Walk what was sealed beside what is there, and name the first that differs."""
    sealed, there = set(sealed_ids), {row["id"] for row in rows}
    for index, record_id in enumerate(sealed_ids):
        row = rows[index] if index < len(rows) else None
        if row is not None and row["id"] == record_id:
            if leaf_hash(row) != leaves[index]:
                raise AuditBroken(
                    f"record {record_id} ({row['action']}) was edited, batch {number}"
                )
        elif (
            row is not None
            and row["id"] not in sealed
            and not (record_id not in there and await _exists(record_id))
        ):
            # Whatever stood here is still below it, or gone; else the two have changed places.
            raise AuditBroken(f"record {row['id']} ({row['action']}) was inserted, batch {number}")
        elif record_id in there or await _exists(record_id):
            raise AuditBroken(f"record {record_id} was reordered, batch {number}")
        else:
            raise AuditBroken(f"record {record_id} was removed, batch {number}")
    if len(rows) > len(sealed_ids):
        row = rows[len(sealed_ids)]
        raise AuditBroken(f"record {row['id']} ({row['action']}) was inserted, batch {number}")


async def _exists(record_id: UUID) -> bool:
    found: bool = await fetch_value(
        "SELECT EXISTS (SELECT FROM audit_record WHERE tenant_id = $1 AND id = $2)",
        current().tenant,
        record_id,
    )
    return found


async def _verify_rest(progress: _Progress) -> int:
    """How many records wait for the sealer; none may stand where the sealer never looks again."""
    tenant = current().tenant
    clusters = await fetch(
        "SELECT DISTINCT cluster_id FROM audit_record WHERE tenant_id = $1", tenant
    )
    known = [
        row["cluster_id"]
        for row in await fetch(
            "SELECT cluster_id FROM audit_epoch WHERE tenant_id = $1 ORDER BY number", tenant
        )
    ]
    unsealed = 0
    for cluster in (row["cluster_id"] for row in clusters):
        xid, record_id = progress.ends.get(cluster, (0, UUID(int=0)))
        rest = await fetch_row(
            "SELECT count(*) AS records, (array_agg(id ORDER BY xid, id))[1] AS first_id "
            "FROM audit_record WHERE tenant_id = $1 AND cluster_id = $2 "
            "AND (xid, id) > ($3::text::xid8, $4::uuid)",
            tenant,
            cluster,
            str(xid),
            record_id,
        )
        assert rest is not None
        is_open = not known or cluster == known[-1] or cluster == await _this_cluster()
        if rest["records"] and not is_open:
            raise AuditBroken(f"record {rest['first_id']} was inserted into a closed epoch")
        unsealed += rest["records"]
    return unsealed


async def _this_cluster() -> int:
    identifier: int = await fetch_value("SELECT cluster_identifier()")
    return identifier


def _verify_checkpoints(
    tenant_id: UUID,
    exported: dict[str, ExportedCheckpoint | None],
    kept: Sequence[Any],
    progress: _Progress,
) -> None:
    previous = ""
    matching = 0
    for location, checkpoint in exported.items():
        statement = _trusted(location, checkpoint)
        if statement.tenant != tenant_id or statement.previous != previous:
            raise AuditBroken(f"a checkpoint before {location} was removed or replaced")
        found = progress.hashes.get(statement.batch)
        if found is None:
            raise AuditBroken(
                f"the chain was cut: batch {statement.batch} was signed at {statement.made_at}, "
                f"and the chain ends at batch {progress.batches}"
            )
        if found != statement.hash:
            raise AuditBroken(
                f"the chain was rewritten between batches {matching + 1} and {statement.batch}: "
                f"{location} signed another batch {statement.batch}"
            )
        assert checkpoint is not None
        previous = sha256(checkpoint.statement.encode()).hexdigest()
        matching = statement.batch
        progress.checkpoints += 1
    for row in kept:
        checkpoint = exported.get(row["location"])
        if checkpoint is None:
            raise AuditBroken(f"the exported checkpoint {row['location']} is gone")
        if checkpoint.statement.encode() != row["statement"]:
            raise AuditBroken(
                f"the checkpoint of batch {row['batch_number']} differs from its copy"
            )


def _trusted(location: str, checkpoint: ExportedCheckpoint | None) -> Statement:
    if checkpoint is None:
        raise AuditBroken(f"{location} is no checkpoint")
    if not is_signed(checkpoint.statement.encode(), checkpoint.signatures):
        raise AuditBroken(f"{location} does not bear our signature")
    try:
        return msgspec.json.decode(checkpoint.statement, type=Statement)
    except msgspec.DecodeError as error:
        raise AuditBroken(f"{location} is no checkpoint") from error
