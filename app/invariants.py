"""Where the invariants are: every module that has some, by name, so that naming them here imports
nothing. A new domain adds its line.
"""

INVARIANT_MODULES = (
    "app.kernel.ledger.invariants",
    "app.kernel.audit.invariants",
    "app.kernel.idempotency.invariants",
    "app.kernel.outbox.invariants",
    "app.kernel.jobs.invariants",
    "app.kernel.deadlines.invariants",
    "app.kernel.approvals.invariants",
    "app.domains.investments.invariants",
)
