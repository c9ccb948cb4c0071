"""A file out of a Debian package that is not installed for it: nothing of the system changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def take_from_debian(package: str, pattern: str, *, to: Path) -> None:
    """Download `package` and put its first file like `pattern` (a glob within it) at `to`.

    Where there is no apt, or it has no such package, nothing is there afterwards.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return
    print(f"no {to.name} here; asking apt for Debian's …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if not _try(["apt-get", "download", "-qq", package], folder) and os.geteuid() == 0:
            # The list of packages may be missing, or name a version that is gone.
            _try(["apt-get", "update", "-qq"], folder)
            _try(["apt-get", "download", "-qq", package], folder)
        for found in Path(folder).glob(f"{package}_*.deb"):
            _try(["dpkg-deb", "--extract", str(found), "out"], folder)
        if taken := sorted(Path(folder, "out").glob(pattern)):
            # Moved into place under its name at once: two set-ups may run beside each other.
            draft = to.with_name(f".{to.name}-{os.getpid()}")
            shutil.copy(taken[0], draft)
            draft.replace(to)


def _try(command: list[str], folder: str) -> bool:
    """Runs a command that may fail, in `folder`; says whether it did not."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            check=False,
            timeout=300,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {command[0]} did not help: {error}", flush=True)
        return False
    return done.returncode == 0
