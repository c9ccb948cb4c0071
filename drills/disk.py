"""A file system of PostgreSQL's own, small enough to be filled to the last byte."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.postgres import Postgres

MEGABYTES = 2048
BLOCK_BYTES = 1 << 20


@contextmanager
def on_own_disk(postgres: Postgres, data: Path) -> Iterator[Path | None]:
    """Moves a stopped cluster onto it, until the body ends; none where we may not mount one."""
    if os.geteuid() != 0 or not (data / "PG_VERSION").exists():
        yield None
        return
    aside = data.with_name(f"{data.name}.aside")
    data.rename(aside)
    data.mkdir(mode=0o700)
    options = f"size={MEGABYTES}m,mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data)], check=False
    )
    if mounted.returncode != 0:
        data.rmdir()
        aside.rename(data)
        yield None
        return
    try:
        shutil.copytree(aside, data, dirs_exist_ok=True)
        shutil.rmtree(aside)
        yield data
    finally:
        postgres.stop()
        subprocess.run(["umount", str(data)], check=True)


def fill(ballast: Path) -> None:
    """Write until there is no room for another byte."""
    for size in (BLOCK_BYTES, 4096, 1):
        try:
            with ballast.open("ab", buffering=0) as file:
                while True:
                    file.write(b"\0" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
