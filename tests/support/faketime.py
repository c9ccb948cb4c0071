"""A process whose clock is wrong: its `time()`, `gettimeofday()` and `clock_gettime()` are moved by
Debian's libfaketime, so that whatever runs in it, in Python, C or Rust, reads the wrong time.

Linux' time namespaces move only how long it has been running. The library is taken out of its
package as promtool is; it reaches the process and its children through LD_PRELOAD alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.debian import take_from_debian

# For programs of several threads.
NAME = "libfaketimeMT.so.1"
OWN = Path(sys.prefix) / "lib" / NAME


def find_faketime() -> Path | None:
    """The one named by FAKETIME_LIBRARY, else the system's, else one of Debian's, fetched beside this
    Python. None where none of them works."""
    if found := next((found for found in _candidates() if _works(found)), None):
        return found
    if not OWN.exists():
        take_from_debian("libfaketime", f"usr/lib/*/faketime/{NAME}", to=OWN)
    return OWN if _works(OWN) else None


def clock_off_by(seconds: float, library: Path) -> dict[str, str]:
    """The environment of such a process. How long something takes it measures as everybody does."""
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{seconds:+g}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("FAKETIME_LIBRARY"):
        yield Path(named)
    yield from Path("/usr/lib").glob(f"*/faketime/{NAME}")
    yield OWN


def _works(library: Path) -> bool:
    if not library.exists():
        return False
    said = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env=os.environ | clock_off_by(3600, library),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    return said.strip() != "" and abs(float(said) - time.time() - 3600) < 60
