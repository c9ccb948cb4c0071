"""The sealer: puts records that no open transaction can still precede into a chained batch.

Chaining inside each writer's transaction would make all writers of a tenant wait for one another.
So records carry their transaction's number, and this runs beside them, every second.
"""

from __future__ import annotations

from uuid import UUID

import structlog

from app.kernel.actors import SYSTEM
from app.kernel.audit.hashing import (
    FIRST_PREVIOUS_HASH,
    LEAF_COLUMNS,
    BatchContent,
    batch_hash,
    leaf_hash,
    merkle_root,
)
from app.kernel.database import current, execute, fetch, fetch_row, fetch_value, unit_of_work
from app.kernel.invariants import tenant_ids

BATCH_RECORDS_MAX = 5_000

log = structlog.get_logger(__name__)


async def seal_due() -> int:
    """Seal what is ready in every tenant; returns how many records. One that fails stops no other."""
    sealed = 0
    for tenant_id in await tenant_ids():
        try:
            sealed += await seal_tenant(tenant_id=tenant_id)
        except Exception:
            log.exception("audit_sealing_failed", tenant_id=str(tenant_id))
    return sealed


async def seal_tenant(*, tenant_id: UUID) -> int:
    """Seal what is ready in this tenant, unless somebody is at it; returns how many records."""
    sealed = 0
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        free = await fetch_value(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('audit:' || $1::text, 0))",
            str(tenant_id),
        )
        if not free:
            return 0
        epoch = await fetch_row(
            "SELECT number, cluster_id, cluster_identifier() AS here FROM audit_epoch "
            "WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1",
            tenant_id,
        )
        if epoch is None:
            # Nothing to seal, nothing to begin: an idle tenant costs two queries a second.
            if not await fetch_value(
                "SELECT EXISTS (SELECT FROM audit_record WHERE tenant_id = $1)", tenant_id
            ):
                return 0
            number = await _begin_epoch(after=0)
        elif epoch["cluster_id"] != epoch["here"]:
            # The data was restored into another cluster, where transactions are counted anew: all
            # transactions of the old one are over, so what they left closes the old epoch.
            sealed += await _seal(epoch["number"], epoch["cluster_id"], closing=True)
            number = await _begin_epoch(after=epoch["number"])
        else:
            number = epoch["number"]
        here = await fetch_value("SELECT cluster_identifier()")
        sealed += await _seal(number, here, closing=False)
    return sealed


async def _begin_epoch(*, after: int) -> int:
    number = after + 1
    await execute(
        "INSERT INTO audit_epoch (tenant_id, number, cluster_id) "
        "VALUES ($1, $2, cluster_identifier())",
        current().tenant,
        number,
    )
    return number


# Statement by statement, so that the horizon and the records come from one snapshot: whatever is
# below the horizon has ended and is visible, and nothing below it can appear later.
_READY = f"""
SELECT id, xid, {LEAF_COLUMNS} FROM audit_record
WHERE tenant_id = $1 AND cluster_id = $2 AND (xid, id) > ($3::text::xid8, $4::uuid)
  AND ($5 OR xid < pg_snapshot_xmin(pg_current_snapshot()))
ORDER BY xid, id LIMIT $6
"""

_LAST_OF_CLUSTER = """
SELECT b.last_xid, b.last_id FROM audit_batch b
JOIN audit_epoch e ON e.tenant_id = b.tenant_id AND e.number = b.epoch_number
WHERE b.tenant_id = $1 AND e.cluster_id = $2 ORDER BY b.number DESC LIMIT 1
"""


async def _seal(epoch_number: int, cluster_id: int, *, closing: bool) -> int:
    tenant = current().tenant
    last = await fetch_row(_LAST_OF_CLUSTER, tenant, cluster_id)
    xid, record_id = (last["last_xid"], last["last_id"]) if last else (0, UUID(int=0))
    sealed = 0
    while True:
        rows = await fetch(
            _READY, tenant, cluster_id, str(xid), record_id, closing, BATCH_RECORDS_MAX
        )
        if not rows:
            return sealed
        xid, record_id = rows[-1]["xid"], rows[-1]["id"]
        leaves = [leaf_hash(row) for row in rows]
        await _append(epoch_number, cluster_id, xid, record_id, [row["id"] for row in rows], leaves)
        sealed += len(rows)


async def _append(
    epoch_number: int,
    cluster_id: int,
    last_xid: int,
    last_id: UUID,
    record_ids: list[UUID],
    leaves: list[bytes],
) -> None:
    tenant = current().tenant
    before = await fetch_row(
        "SELECT number, hash FROM audit_batch WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1",
        tenant,
    )
    now_microseconds = await fetch_value(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    )
    content = BatchContent(
        tenant=tenant,
        number=before["number"] + 1 if before else 1,
        epoch_number=epoch_number,
        cluster_id=cluster_id,
        last_xid=last_xid,
        last_id=last_id,
        record_ids=record_ids,
        leaves=b"".join(leaves),
        root=merkle_root(leaves),
        previous_hash=before["hash"] if before else FIRST_PREVIOUS_HASH,
        sealed_at_microseconds=now_microseconds,
    )
    await execute(
        "INSERT INTO audit_batch (tenant_id, number, epoch_number, last_xid, last_id, record_ids, "
        "leaves, root, previous_hash, hash, sealed_at) "
        "VALUES ($1, $2, $3, $4::text::xid8, $5, $6, $7, $8, $9, $10, "
        "'epoch'::timestamptz + $11 * interval '1 microsecond')",
        tenant,
        content.number,
        epoch_number,
        str(last_xid),
        last_id,
        record_ids,
        content.leaves,
        content.root,
        content.previous_hash,
        batch_hash(content),
        now_microseconds,
    )
