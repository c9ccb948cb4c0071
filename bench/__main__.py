"""`make bench`: every benchmark against a portal of its own; fails where one is beyond its limit.

`COUNT=` asks for another number of rounds. A new benchmark is a module with
`run(portal, *, rounds) -> Comparison`, named in BENCHMARKS.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from bench import commit_to_screen
from bench.report import RESULTS, ROUNDS_MIN, table, write_results
from tests.support.environment import free_port
from tests.support.portal import running_portal

BENCHMARKS = [commit_to_screen]
ROUNDS = 20


def main() -> int:
    rounds = int(os.environ.get("COUNT") or ROUNDS)
    if rounds < ROUNDS_MIN:
        print(f"COUNT={rounds}: a median of fewer than {ROUNDS_MIN} rounds says nothing")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="stakehold-bench-"))
    print(f"starting a portal, then {rounds} rounds of each benchmark …", flush=True)
    try:
        with running_portal(port=free_port(), folder=folder) as portal:
            found = [benchmark.run(portal, rounds=rounds) for benchmark in BENCHMARKS]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{table(found)}\n")
    write_results(found)
    print(f"Every reading is in {RESULTS.relative_to(Path.cwd())}.")
    return 0 if all(comparison.is_within for comparison in found) else 1


if __name__ == "__main__":
    sys.exit(main())
