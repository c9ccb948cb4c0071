"""Every module that declares jobs, consumers, deadline handlers or ports, in one list.

Each process imports them all when it starts: the web processes as well, because an event's
consumers get their jobs in the statement that writes the event.
"""

from __future__ import annotations

import importlib

from app.kernel.jobs.registry import is_sealed, seal

MODULES = (
    "app.kernel.notifications.mail",
    "app.kernel.notifications.digests",
    "app.kernel.upkeep",
    "app.domains.identity.jobs",
    "app.domains.investments.jobs",
)


def load() -> None:
    """Import every declaration, once; events may be emitted from then on."""
    if is_sealed():
        return
    for module in MODULES:
        importlib.import_module(module)
    seal()
