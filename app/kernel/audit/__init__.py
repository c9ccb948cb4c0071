"""The audit trail: who did what to what, kept so that a change of it shows.

Operations call `record`. The `sealer` puts finished records into hash-chained batches each second,
`checkpoints` signs the chain and exports what it signed, and `verification` recomputes everything.
`hashing` says, once, over which bytes.
"""

from app.kernel.audit.operations import record

__all__ = ["record"]
