"""The audit trail's tables: append-only, but for the moment a checkpoint was exported."""

from __future__ import annotations

from piccolo.columns import UUID as PiccoloUUID
from piccolo.columns import Array
from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB


class AuditRecord(Table, tablename="audit_record", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    cluster_id = columns.whole()
    xid = columns.whole()
    recorded_at = columns.instant()
    business_at = columns.instant()
    actor_id = columns.identifier(null=True)
    actor_name = columns.words()
    actor_role = columns.words()
    action = columns.words()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    before = columns.json(null=True)
    after = columns.json(null=True)
    request_id = columns.words()
    address = columns.words()
    trace = columns.words()


class AuditEpoch(Table, tablename="audit_epoch", db=DB):
    tenant_id = columns.identifier()
    number = columns.whole(primary_key=True)
    cluster_id = columns.whole()
    started_at = columns.instant()


class AuditBatch(Table, tablename="audit_batch", db=DB):
    tenant_id = columns.identifier()
    number = columns.whole(primary_key=True)
    epoch_number = columns.whole()
    last_xid = columns.whole()
    last_id = columns.identifier()
    record_ids = Array(base_column=PiccoloUUID())
    leaves = columns.octets()
    root = columns.octets()
    previous_hash = columns.octets()
    hash = columns.octets()
    sealed_at = columns.instant()


class AuditCheckpoint(Table, tablename="audit_checkpoint", db=DB):
    tenant_id = columns.identifier()
    batch_number = columns.whole(primary_key=True)
    statement = columns.octets()
    signatures = columns.json()
    location = columns.words()
    made_at = columns.instant()
    exported_at = columns.instant(null=True)
