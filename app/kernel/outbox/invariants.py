"""What always holds of events."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = [
    Invariant(
        name="outbox.every_event_reaches_its_consumers",
        explains="Each consumer that an event was given to has exactly one job for it.",
        sql="""
        SELECT e.id AS event_id, e.type, name AS consumer
        FROM outbox_event e CROSS JOIN LATERAL unnest(e.consumers) AS name
        LEFT JOIN job j
          ON j.tenant_id = e.tenant_id AND j.event_id = e.id AND j.consumer = name
        WHERE j.id IS NULL
        """,
    ),
]
