"""Idempotency keys: the same request twice has one effect and one answer.

`operations.begin` opens the unit of work's key or returns the answer kept for it, and
`operations.keep` keeps this one's, in the same unit of work, so that only successes are kept.
"""

from app.kernel.idempotency.operations import (
    IdempotencyKeyInUse,
    IdempotencyMismatch,
    StoredAnswer,
    begin,
    forget_old,
    keep,
)

__all__ = [
    "IdempotencyKeyInUse",
    "IdempotencyMismatch",
    "StoredAnswer",
    "begin",
    "forget_old",
    "keep",
]
