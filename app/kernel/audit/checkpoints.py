"""Checkpoints: signed statements that the chain had a batch, kept outside the database.

Whoever owns the database could write a whole new chain; they could not make it agree with these.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
import structlog
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url

from app.kernel.actors import SYSTEM
from app.kernel.audit.signing import Signature, sign
from app.kernel.database import current, execute, fetch, fetch_row, unit_of_work
from app.kernel.invariants import tenant_ids
from app.settings import settings

log = structlog.get_logger(__name__)


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed. `previous` is the SHA-256 of the statement before, so that none can go."""

    tenant: UUID
    epoch: int
    cluster: int
    batch: int
    hash: str
    records: int
    previous: str
    made_at: datetime


class ExportedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint as it lies in the object store; `statement` is the exact text that was signed."""

    statement: str
    signatures: list[Signature]


def object_store() -> ObjectStore:
    return from_url(settings().object_store_url)


def folder(tenant_id: UUID) -> str:
    return f"audit/{tenant_id}"


async def checkpoint_due() -> int:
    """Sign the chain of every tenant where it grew, and export what is not exported yet.

    Returns how many were exported. A tenant that fails stops no other.
    """
    exported = 0
    for tenant_id in await tenant_ids():
        try:
            exported += await checkpoint_tenant(tenant_id=tenant_id)
        except Exception:
            log.exception("audit_checkpoint_failed", tenant_id=str(tenant_id))
    return exported


async def checkpoint_tenant(*, tenant_id: UUID) -> int:
    """Sign this tenant's chain if it grew, and export; returns how many were exported."""
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        await _make()
    return await export_checkpoints(tenant_id=tenant_id)


_GROWN = """
SELECT b.number, b.hash, b.epoch_number, e.cluster_id, c.statement AS previous,
  (SELECT sum(cardinality(n.record_ids)) FROM audit_batch n
   WHERE n.tenant_id = b.tenant_id AND n.number > coalesce(c.batch_number, 0)) AS records
FROM audit_batch b
JOIN audit_epoch e ON e.tenant_id = b.tenant_id AND e.number = b.epoch_number
LEFT JOIN LATERAL (
  SELECT batch_number, statement FROM audit_checkpoint c
  WHERE c.tenant_id = b.tenant_id ORDER BY c.batch_number DESC LIMIT 1
) c ON true
WHERE b.tenant_id = $1 AND b.number > coalesce(c.batch_number, 0)
ORDER BY b.number DESC LIMIT 1
"""


async def _make() -> None:
    tenant = current().tenant
    # One at a time: each names the one before it.
    await execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('audit checkpoint:' || $1::text, 0))",
        str(tenant),
    )
    row = await fetch_row(_GROWN, tenant)
    if row is None:
        return
    previous = row["previous"]
    counted = msgspec.json.decode(previous, type=Statement).records if previous else 0
    made_at = datetime.fromtimestamp(await _real_seconds(), tz=UTC)
    statement = msgspec.json.encode(
        Statement(
            tenant=tenant,
            epoch=row["epoch_number"],
            cluster=row["cluster_id"],
            batch=row["number"],
            hash=row["hash"].hex(),
            records=counted + int(row["records"]),
            previous=sha256(previous).hexdigest() if previous else "",
            made_at=made_at,
        ),
        order="sorted",
    )
    await execute(
        "INSERT INTO audit_checkpoint (tenant_id, batch_number, statement, signatures, location, "
        "made_at) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant,
        row["number"],
        statement,
        [msgspec.to_builtins(signature) for signature in sign(statement)],
        f"{folder(tenant)}/{made_at:%Y/%m/%d}/{row['number']:012d}.json",
        made_at,
    )


async def _real_seconds() -> int:
    row = await fetch_row("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS seconds")
    assert row is not None
    seconds: int = row["seconds"]
    return seconds


async def export_checkpoints(*, tenant_id: UUID) -> int:
    """Put the checkpoints that are not exported yet into the object store, then mark them.

    No transaction is open while it waits for the store, and a copy already there is never
    overwritten: one that differs stays, for verification to find.
    """
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM, read_only=True):
        rows = await fetch(
            "SELECT batch_number, statement, signatures, location FROM audit_checkpoint "
            "WHERE tenant_id = $1 AND exported_at IS NULL ORDER BY batch_number",
            tenant_id,
        )
    if not rows:
        return 0
    store = object_store()
    for row in rows:
        document = msgspec.json.encode(
            {"signatures": row["signatures"], "statement": row["statement"].decode()}
        )
        try:
            await store.put_async(row["location"], document, mode="create")
        except AlreadyExistsError:
            log.info("audit_checkpoint_was_there", location=row["location"])
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        await execute(
            "UPDATE audit_checkpoint SET exported_at = clock_timestamp() "
            "WHERE tenant_id = $1 AND batch_number = ANY($2) AND exported_at IS NULL",
            tenant_id,
            [row["batch_number"] for row in rows],
        )
    return len(rows)


async def exported_checkpoints(*, tenant_id: UUID) -> dict[str, ExportedCheckpoint | None]:
    """Every copy in the object store by its location, in the order of the chain; None where what
    lies there is no checkpoint."""
    store = object_store()
    found: dict[str, ExportedCheckpoint | None] = {}
    async for chunk in store.list(prefix=folder(tenant_id)):
        for entry in chunk:
            octets = bytes(await (await store.get_async(entry["path"])).bytes_async())
            try:
                found[entry["path"]] = msgspec.json.decode(octets, type=ExportedCheckpoint)
            except msgspec.DecodeError:
                found[entry["path"]] = None
    return dict(sorted(found.items(), key=lambda item: item[0].rsplit("/", 1)[-1]))
