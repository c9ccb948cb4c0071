"""Over which bytes the audit trail is hashed, said once for sealing and for verifying.

Leaves and nodes are told apart by a first byte, and the tree has the shape of RFC 6962, section
2.1. Every field goes in with its length in front, so that no two records have the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import msgspec

FIRST_PREVIOUS_HASH = bytes(32)

# Each column as text that the database gives the same way every time: instants as microseconds,
# documents as PostgreSQL writes them, which keeps neither the order of keys nor spaces of the input.
LEAF_COLUMNS = """
  tenant_id::text AS tenant_text, id::text AS id_text, cluster_id::text AS cluster_text,
  xid::text AS xid_text,
  ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text AS recorded_text,
  ((extract(epoch FROM business_at) * 1000000)::bigint)::text AS business_text,
  actor_id::text AS actor_text, actor_name, actor_role, action, subject_kind,
  subject_id::text AS subject_text, before::text AS before_text, after::text AS after_text,
  request_id, address, trace
"""
_LEAF_FIELDS = (
    "tenant_text",
    "id_text",
    "cluster_text",
    "xid_text",
    "recorded_text",
    "business_text",
    "actor_text",
    "actor_name",
    "actor_role",
    "action",
    "subject_kind",
    "subject_text",
    "before_text",
    "after_text",
    "request_id",
    "address",
    "trace",
)
_LEAF = b"\x00stakehold.audit.record.1"
_NODE = b"\x01"
_BATCH = b"\x02stakehold.audit.batch.1"
_ABSENT = b"\xff\xff\xff\xff"


class Row(Protocol):
    """A record as the driver gives it, or a dict."""

    def __getitem__(self, name: str, /) -> Any: ...


class BatchContent(msgspec.Struct, frozen=True, kw_only=True):
    """All of a batch that its hash covers, the hash of the batch before it among it."""

    tenant: UUID
    number: int
    epoch_number: int
    cluster_id: int
    last_xid: int
    last_id: UUID
    record_ids: Sequence[UUID]
    leaves: bytes
    root: bytes
    previous_hash: bytes
    sealed_at_microseconds: int


def leaf_hash(row: Row) -> bytes:
    """The hash of one record, from a row of LEAF_COLUMNS."""
    return sha256(_LEAF + b"".join(_field(row[name]) for name in _LEAF_FIELDS)).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves`, of which there is at least one; an odd one out moves up as it is."""
    level = list(leaves)
    if not level:
        raise ValueError("a tree has at least one leaf")
    while len(level) > 1:
        above = [
            sha256(_NODE + level[index] + level[index + 1]).digest()
            for index in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def batch_hash(batch: BatchContent) -> bytes:
    numbers = (
        batch.number,
        batch.epoch_number,
        batch.cluster_id,
        batch.last_xid,
        batch.sealed_at_microseconds,
        len(batch.record_ids),
    )
    ids = sha256(b"".join(record_id.bytes for record_id in batch.record_ids)).digest()
    return sha256(
        _BATCH
        + batch.tenant.bytes
        + b"".join(_field(str(number)) for number in numbers)
        + batch.last_id.bytes
        + ids
        + batch.root
        + batch.previous_hash
    ).digest()


def split_leaves(leaves: bytes) -> list[bytes]:
    return [leaves[start : start + 32] for start in range(0, len(leaves), 32)]


def _field(text: str | None) -> bytes:
    if text is None:
        return _ABSENT
    octets = text.encode()
    return len(octets).to_bytes(4, "big") + octets
