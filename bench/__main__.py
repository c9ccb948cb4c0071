"""`make bench`: every benchmark beside what it is measured against; fails while an aim is missed.

`BENCH=P1,P2` chooses, `COUNT=` asks for another number of rounds. A new benchmark is a line in
BENCHMARKS: a function of a stage (`bench.stage`), or of a running portal, that returns a `Finding`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import commit_to_screen, dashboard, jobs, load, sockets, timers, transfers
from bench.report import RESULTS, ROUNDS_MIN, Finding, table, write_results
from bench.stage import prepared_stage
from tests.support.environment import free_port
from tests.support.portal import running_portal


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """`run` takes a stage, or with `portal` a running portal. `rounds` where nothing else is asked."""

    name: str
    run: Callable[..., Finding]
    portal: bool = False
    rounds: int = 7


BENCHMARKS = [
    Benchmark(name="P1", run=transfers.spread),
    Benchmark(name="P2", run=transfers.hot),
    Benchmark(name="P7", run=dashboard.run),
    Benchmark(name="P8", run=load.run, rounds=load.TURNS),
    Benchmark(name="P9", run=jobs.run),
    Benchmark(name="P10", run=timers.run, rounds=5),
    Benchmark(name="P11", run=sockets.run),
    Benchmark(name="P11", run=commit_to_screen.run, portal=True, rounds=20),
]


def main() -> int:
    chosen = _chosen(os.environ.get("BENCH") or "")
    count = int(os.environ.get("COUNT") or 0)
    if 0 < count < ROUNDS_MIN:
        print(f"COUNT={count}: a median of fewer than {ROUNDS_MIN} rounds says nothing")
        return 2
    findings, broken = [], []
    for benchmark in chosen:
        rounds = count or benchmark.rounds
        print(f"{benchmark.name}: {rounds} rounds …", flush=True)
        try:
            findings.append(_found(benchmark, rounds))
        except Exception:
            # What the others found is worth as much without it.
            traceback.print_exc()
            broken.append(benchmark.name)
    print(f"\n{table(findings)}\n")
    write_results(findings)
    print(f"Every reading is in {RESULTS.relative_to(Path.cwd())}.")
    if broken:
        print(f"Broke off: {', '.join(broken)}.")
    return 1 if broken or not all(found.is_reached for found in findings) else 0


def _chosen(names: str) -> list[Benchmark]:
    """Those named, or all; in the order of the list."""
    wanted = {name.strip().upper() for name in names.split(",") if name.strip()}
    unknown = wanted - {benchmark.name for benchmark in BENCHMARKS}
    if unknown:
        raise SystemExit(f"BENCH={names}: there is no {', '.join(sorted(unknown))}")
    return [one for one in BENCHMARKS if not wanted or one.name in wanted]


def _found(benchmark: Benchmark, rounds: int) -> Finding:
    """Run it in a folder and with services of its own."""
    folder = Path(tempfile.mkdtemp(prefix="stakehold-bench-"))
    surroundings: Any
    if benchmark.portal:
        surroundings = running_portal(port=free_port(), folder=folder)
    else:
        surroundings = prepared_stage(folder)
    try:
        with surroundings as given:
            return benchmark.run(given, rounds=rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
