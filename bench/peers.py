"""The environment of the peers: `.venv-peers`, made from their own lock, apart from the portal's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
FOLDER = _ROOT / ".venv-peers"
LOCK = Path(__file__).with_name("requirements-peers.lock")


def peers_python() -> Path:
    """Its interpreter; installs what the lock names where that has not been done yet."""
    python = FOLDER / "bin" / "python"
    done = FOLDER / ".installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if done.exists() and done.read_text() == wanted:
        return python
    print("installing the peers …", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--require-hashes", "-r", str(LOCK)], check=True)
    done.write_text(wanted)
    return python
