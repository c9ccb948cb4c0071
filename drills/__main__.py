"""`make drill`: the drills against real processes; fails where anything did not hold.

`DRILL=R1,R2` chooses (all otherwise), `COUNT=` is the number of rounds of each, `SEED=` the first
one's seed: the same seed repeats a round, and the next one goes on where a run has ended.
`SHORT=1` takes the form that belongs to `make test`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from app.logging import configure_logging
from drills.registry import DRILLS
from drills.report import RoundResult, next_seed, table, write_results
from drills.running import run_drills


def main() -> int:
    chosen = [name for name in os.environ.get("DRILL", "").upper().split(",") if name]
    if unknown := [name for name in chosen if name not in DRILLS]:
        print(f"DRILL={','.join(unknown)}: there are {', '.join(DRILLS)}")
        return 2
    drills = [DRILLS[name] for name in chosen or DRILLS]
    count, seed = int(os.environ.get("COUNT") or 1), int(os.environ.get("SEED") or 1)
    is_short = os.environ.get("SHORT") == "1"
    drills = [drill for drill in drills if drill.has_short or not is_short]
    configure_logging("CRITICAL")
    folder = Path(tempfile.mkdtemp(prefix="stakehold-drill-"))
    found: list[RoundResult] = []
    try:
        asyncio.run(
            run_drills(
                drills, count=count, seed=seed, is_short=is_short, folder=folder, found=found
            )
        )
    except KeyboardInterrupt:
        print("\ninterrupted; what was found is kept")
    if not is_short:
        results = write_results(found)
        goals = {drill.name: (drill.rounds, drill.to_reach) for drill in drills}
        print(f"\nSo far, with every run's rounds:\n{table(results, goals)}\n")
        for drill in drills:
            print(f"DRILL={drill.name} SEED={next_seed(results, drill.name)} goes on from here.")
    failed = [result for result in found if not result.is_ok]
    if failed:
        print(f"{len(failed)} did not hold; logs and traces stay in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
