"""What a benchmark found: one table for people, `bench/results.json` for machines.

A machine's speed means little and changes by the minute, so what counts is the ratio between the
medians of two series that took turns in the same run.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import msgspec

RESULTS = Path(__file__).parent / "results.json"
ROUNDS_MIN = 5


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One thing measured again and again, in `unit`."""

    name: str
    unit: str
    readings: list[float]

    @property
    def median(self) -> float:
        return median(self.readings)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and the ninth decile."""
        if len(self.readings) < 2:
            return self.readings[0], self.readings[0]
        cuts = quantiles(self.readings, n=10, method="inclusive")
        return cuts[0], cuts[-1]


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """The median of `work` over that of `beside` is to be `least` or more, or `most` or less.

    `rounds_min` is lower only for what does not vary from round to round, such as memory.
    """

    name: str
    work: Series
    beside: Series
    least: float | None = None
    most: float | None = None
    rounds_min: int = ROUNDS_MIN

    @property
    def ratio(self) -> float:
        return self.work.median / self.beside.median

    @property
    def is_reached(self) -> bool:
        if len(self.work.readings) < self.rounds_min:
            return False
        above = self.least is None or self.ratio >= self.least
        return above and (self.most is None or self.ratio <= self.most)

    @property
    def said(self) -> str:
        parts = [
            f"{word} {bound:g}"
            for word, bound in (("at least", self.least), ("at most", self.most))
            if bound is not None
        ]
        return " and ".join(parts)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """All series of a benchmark, taken in the same rounds, and what is asked of them."""

    name: str
    title: str
    series: Sequence[Series]
    aims: Sequence[Aim]

    @property
    def rounds(self) -> int:
        return min(len(series.readings) for series in self.series)

    @property
    def is_reached(self) -> bool:
        return all(aim.is_reached for aim in self.aims)


def table(findings: Sequence[Finding]) -> str:
    """Every series and every aim, as text."""
    lines = [f"{'':<58}{'median':>12}{'1st decile':>12}{'9th decile':>12}"]
    for found in findings:
        lines += ["", f"{found.name}  {found.title}, {found.rounds} rounds"]
        lines += [_line(series) for series in found.series]
        lines += [
            f"  {aim.name:<56}{aim.ratio:>8.2f} x   {aim.said}"
            f"{'' if aim.is_reached else '   MISSED'}"
            for aim in found.aims
        ]
    return "\n".join(lines)


def _line(series: Series) -> str:
    cells = "".join(f"{_number(value):>12}" for value in (series.median, *series.spread))
    return f"  {series.name:<56}{cells} {series.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def write_results(findings: Sequence[Finding], path: Path = RESULTS) -> None:
    """All readings, with when and where they were taken."""
    results = {
        "taken_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "processors": os.cpu_count(),
            "load_average": [round(load, 2) for load in os.getloadavg()],
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "benchmarks": [
            {
                "name": found.name,
                "title": found.title,
                "rounds": found.rounds,
                "series": [
                    {
                        "name": series.name,
                        "unit": series.unit,
                        "median": round(series.median, 3),
                        "readings": [round(reading, 3) for reading in series.readings],
                    }
                    for series in found.series
                ],
                "aims": [
                    {
                        "name": aim.name,
                        "ratio": round(aim.ratio, 3),
                        "least": aim.least,
                        "most": aim.most,
                        "is_reached": aim.is_reached,
                    }
                    for aim in found.aims
                ],
            }
            for found in findings
        ],
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


def _commit() -> str:
    """The commit that is checked out, marked where files differ from it; empty outside a clone."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return found.stdout.strip()
