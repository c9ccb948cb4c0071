"""`python -m tests.support.branches`, after a measured run: branches alone, of each part that keeps or
moves money. Beside so many lines a branch that no test takes hardly shows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import coverage
import msgspec

PERCENT_MIN = 95.0


class Summary(msgspec.Struct):
    num_branches: int
    covered_branches: int


class File(msgspec.Struct):
    summary: Summary


class Report(msgspec.Struct):
    files: dict[str, File]


def read_report() -> Report:
    """What `coverage json` says of the run whose data lies here."""
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "coverage.json"
        measured.json_report(outfile=str(path))
        return msgspec.json.decode(path.read_bytes(), type=Report)


def branches_of(report: Report, part: str) -> tuple[int, int]:
    """How many branches were taken, of how many there are."""
    inside = [file.summary for path, file in report.files.items() if path.startswith(f"{part}/")]
    return (
        sum(summary.covered_branches for summary in inside),
        sum(summary.num_branches for summary in inside),
    )


def main() -> int:
    report = read_report()
    parts: list[str] = coverage.Coverage().get_option("run:source")  # type: ignore[assignment]
    is_low = False
    for part in parts:
        taken, there = branches_of(report, part)
        percent = 100 * taken / there if there else 0.0
        is_low = is_low or percent < PERCENT_MIN
        print(f"{part}: {taken} of {there} branches, {percent:.1f}% (at least {PERCENT_MIN:.0f}%)")
    return 1 if is_low else 0


if __name__ == "__main__":
    sys.exit(main())
