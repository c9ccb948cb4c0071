"""What drills found: a line a round, a table at the end, and `drills/results.json` for later runs.

Rounds add up over runs, by seed: the same seed run again replaces its result.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

RESULTS = Path(__file__).parent / "results.json"


class RoundResult(msgspec.Struct, frozen=True, kw_only=True):
    """`seed` is None for the verification at the end; `error` is empty where all held.

    `figures` are worst readings by name, whose last word is their unit.
    """

    drill: str
    seed: int | None
    error: str
    seconds: float
    figures: dict[str, float]
    is_short: bool

    @property
    def is_ok(self) -> bool:
        return not self.error

    def line(self) -> str:
        if self.seed is None:
            return "verified: everything holds" if self.is_ok else f"NOT VERIFIED: {self.error}"
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.figures.items())
        return (
            f"{self.seconds:5.1f} s  {figures}  {'ok' if self.is_ok else f'FAILED: {self.error}'}"
        )


class Kept(msgspec.Struct, kw_only=True):
    """One round in the file."""

    seed: int
    ok: bool
    error: str
    seconds: float
    figures: dict[str, float]
    commit: str
    taken_at: str


class Results(msgspec.Struct, kw_only=True):
    machine: dict[str, object] = {}
    drills: dict[str, list[Kept]] = {}


def read_results(path: Path = RESULTS) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def write_results(found: Sequence[RoundResult], path: Path = RESULTS) -> Results:
    """Add these rounds to those of earlier runs; short ones do not count."""
    results = read_results(path)
    results.machine = {
        "processors": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    now, commit = datetime.now(tz=UTC).isoformat(timespec="seconds"), _commit()
    for one in found:
        if one.seed is None or one.is_short:
            continue
        kept = {round_.seed: round_ for round_ in results.drills.get(one.drill, [])}
        kept[one.seed] = Kept(
            seed=one.seed,
            ok=one.is_ok,
            error=one.error,
            seconds=round(one.seconds, 2),
            figures={name: round(value, 3) for name, value in one.figures.items()},
            commit=commit,
            taken_at=now,
        )
        results.drills[one.drill] = [kept[seed] for seed in sorted(kept)]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    return results


def next_seed(results: Results, drill: str) -> int:
    """After the last that was run."""
    return max((kept.seed for kept in results.drills.get(drill, [])), default=0) + 1


def table(results: Results, goals: dict[str, tuple[int, str]]) -> str:
    """`goals`: by drill, the rounds to reach and what is to hold in each."""
    lines = []
    for name, (goal, to_reach) in goals.items():
        rounds = results.drills.get(name, [])
        passed = [found for found in rounds if found.ok]
        lines.append(f"{name:<4} {len(passed):>5} of {goal:<6} failed {len(rounds) - len(passed)}")
        lines.append(f"     to reach: {to_reach}")
        for figure in sorted({figure for found in passed for figure in found.figures}):
            readings = [found.figures[figure] for found in passed if figure in found.figures]
            lines.append(
                f"     {figure:<44} median {median(readings):>9.4g}  worst {max(readings):>9.4g}"
            )
        lines += [f"     SEED={found.seed}: {found.error}" for found in rounds if not found.ok]
    return "\n".join(lines)


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
