"""What only Linux tells or does: die with the parent, see it interrupted, enter a user namespace.

The calls made between fork and exec use only what was loaded before. Elsewhere than on Linux,
nobody dies with a parent and user namespaces are refused.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None


def signal_when_parent_dies(number: signal.Signals) -> None:
    """Asks the kernel to send `number` to this process when the thread that started it ends."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def enter_user_namespace(user: int) -> Callable[[], None]:
    """What `unshare --user --map-user=USER --map-group=USER` does, to run between fork and exec.

    Inside, this process seems to be `user`; outside it stays who it is, and so do its files.
    """
    outer_user, outer_group = os.geteuid(), os.getegid()

    def enter() -> None:
        if _libc is None or _libc.unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "user namespaces are refused")
        for name, line in (
            ("uid_map", f"{user} {outer_user} 1"),
            ("setgroups", "deny"),  # the kernel wants this before a group may be mapped
            ("gid_map", f"{user} {outer_group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)

    return enter


@lru_cache(maxsize=1)
def may_enter_user_namespace() -> bool:
    """Whether this machine lets us; containers often do not."""
    try:
        subprocess.run(["/bin/sh", "-c", ":"], check=True, preexec_fn=enter_user_namespace(1000))
    except (OSError, subprocess.SubprocessError):
        return False
    return True


class InterruptedMake:
    """Sees that `make`, our parent, was interrupted alone and now waits for us to end.

    GNU make forwards SIGTERM to what it runs, but not SIGINT: it trusts that the terminal has sent
    one to everybody. On SIGINT it stops catching the signal before it waits; that can be seen.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._did_catch = self._catches_interrupts()

    def __call__(self) -> bool:
        return self._did_catch and not self._catches_interrupts()

    def _catches_interrupts(self) -> bool:
        try:
            status = Path(f"/proc/{self._parent}/status").read_text()
        except OSError:
            return False
        for line in status.splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) & (1 << (signal.SIGINT - 1)))
        return False
