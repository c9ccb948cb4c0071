"""Finds Prometheus' promtool for the tests of the alert rules, and gets one where there is none.

`python -m tests.support.promtool` does so at set-up. No Python or Node package brings it: it is taken
out of Debian's `prometheus` package, which is not installed for it (ADR 0036).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.debian import take_from_debian

OWN = Path(sys.prefix) / "bin" / "promtool"


class NoPromtool(Exception):
    """There is none and none could be fetched; the message says what to do."""


def find_promtool() -> Path | None:
    """The one named by PROMTOOL, else the system's, else the one beside this Python."""
    return next((found for found in _candidates() if _runs(found)), None)


def ensure_promtool() -> Path:
    """One that runs, fetched if need be. Raises `NoPromtool`."""
    if found := find_promtool():
        return found
    take_from_debian("prometheus", "usr/bin/promtool", to=OWN)
    if found := find_promtool():
        return found
    raise NoPromtool(
        "no promtool was found, and apt could not fetch Debian's prometheus package: "
        "install Prometheus by hand, or name its promtool in PROMTOOL"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("PROMTOOL"):
        yield Path(named)
    if found := shutil.which("promtool"):
        yield Path(found)
    yield OWN


def _runs(promtool: Path) -> bool:
    try:
        answer = subprocess.run(
            [str(promtool), "--version"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


if __name__ == "__main__":
    try:
        print(f"promtool: {ensure_promtool()}")
    except NoPromtool as reason:
        sys.exit(str(reason))
