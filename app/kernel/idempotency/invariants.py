"""What always holds of idempotency keys."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = (
    Invariant(
        name="idempotency.every_key_has_its_answer",
        explains="A key and the answer to it are committed together.",
        sql="SELECT actor_id, route, key FROM idempotency_key WHERE status IS NULL",
    ),
)
