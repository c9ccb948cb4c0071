"""What always holds in the audit trail and can be asked cheaply; `stakehold verify audit`
recomputes every hash."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="audit.batches_are_chained",
        explains="Batches are numbered without a gap and each names the hash of the one before.",
        sql="""
            SELECT number FROM (
              SELECT number, previous_hash, lag(hash) OVER (ORDER BY number) AS expected_hash,
                lag(number, 1, 0::bigint) OVER (ORDER BY number) AS number_before
              FROM audit_batch
            ) chain
            WHERE number <> number_before + 1
               OR previous_hash <> coalesce(expected_hash, decode(repeat('00', 32), 'hex'))
        """,
    ),
    Invariant(
        name="audit.records_sealed_once",
        explains="No record stands in two batches.",
        sql="""
            SELECT sealed.id AS record_id
            FROM audit_batch b CROSS JOIN LATERAL unnest(b.record_ids) AS sealed (id)
            GROUP BY sealed.id HAVING count(*) > 1
        """,
    ),
)
