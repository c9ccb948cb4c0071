"""What a benchmark found: one table for people, `bench/results.json` for machines.

A machine's speed means little and changes by the minute, so what counts is the ratio between the
medians of two series that took turns in the same run.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import msgspec

RESULTS = Path(__file__).parent / "results.json"
ROUNDS_MIN = 5


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One thing measured again and again, in milliseconds."""

    name: str
    readings_ms: list[float]

    @property
    def median_ms(self) -> float:
        return median(self.readings_ms)

    @property
    def spread_ms(self) -> tuple[float, float]:
        """The first and the ninth decile."""
        cuts = quantiles(self.readings_ms, n=10, method="inclusive")
        return cuts[0], cuts[-1]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`work` beside `peer`: their medians' ratio is to stay within `ratio_max`.

    `details` are measured in the same rounds and judged by nobody.
    """

    name: str
    work: Series
    peer: Series
    ratio_max: float
    details: Sequence[Series] = ()

    @property
    def rounds(self) -> int:
        return len(self.work.readings_ms)

    @property
    def ratio(self) -> float:
        return self.work.median_ms / self.peer.median_ms

    @property
    def is_within(self) -> bool:
        return self.rounds >= ROUNDS_MIN and self.ratio <= self.ratio_max


def table(comparisons: Sequence[Comparison]) -> str:
    """Every comparison with its series, as text."""
    lines = [f"{'':<44}{'median':>10}{'1st decile':>12}{'9th decile':>12}"]
    for found in comparisons:
        verdict = "within" if found.is_within else "BEYOND"
        lines += ["", f"{found.name}, {found.rounds} rounds"]
        lines += [_line(series) for series in (found.work, found.peer, *found.details)]
        lines.append(f"  {'ratio':<42}{found.ratio:>10.2f}   {verdict} {found.ratio_max:g}")
    return "\n".join(lines)


def _line(series: Series) -> str:
    low, high = series.spread_ms
    return f"  {series.name:<42}{series.median_ms:>7.1f} ms{low:>9.1f} ms{high:>9.1f} ms"


def write_results(comparisons: Sequence[Comparison], path: Path = RESULTS) -> None:
    """All readings, with when and where they were taken."""
    results = {
        "taken_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": {
            "processors": os.cpu_count(),
            "load_average": [round(load, 2) for load in os.getloadavg()],
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "benchmarks": [
            {
                "name": found.name,
                "rounds": found.rounds,
                "ratio": round(found.ratio, 3),
                "ratio_max": found.ratio_max,
                "is_within": found.is_within,
                "series": [
                    {
                        "name": series.name,
                        "median_ms": round(series.median_ms, 2),
                        "readings_ms": [round(reading, 2) for reading in series.readings_ms],
                    }
                    for series in (found.work, found.peer, *found.details)
                ],
            }
            for found in comparisons
        ],
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
