"""Every drill, in the order in which `make drill` runs them."""

from __future__ import annotations

from drills import (
    contention,
    database_away,
    machine,
    mutation,
    recovery,
    redis_away,
    repetition,
    sequences,
    worker_killed,
    workflow,
)
from drills.drill import Drill

DRILLS: dict[str, Drill] = {
    module.DRILL.name: module.DRILL
    for module in (
        worker_killed,
        redis_away,
        database_away,
        repetition,
        contention,
        sequences,
        recovery,
        machine,
        workflow,
        mutation,
    )
}
