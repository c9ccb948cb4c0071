"""Hash and check passwords: Argon2id, in a pool of its own, so that a flood of sign-ins cannot
starve the pages of threads or of memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from app.domains.identity.values import AccountStatus
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch_row, unit_of_work
from app.kernel.errors import DomainError, Unavailable


def hasher() -> PasswordHasher:
    """OWASP's password storage cheat sheet: 19 MiB, two passes, one lane."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


_HASHER = hasher()
# What a sign-in without an account or without a password is checked against: same time, same answer.
_NOBODY = _HASHER.hash("nobody has this password")
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
WAITING_MAX = 64
PASSWORD_BYTES_MAX = 1024
R = TypeVar("R")
_waiting = 0


class InvalidCredentials(DomainError):
    """Says the same for a wrong password, an unknown account and one that may not sign in here."""

    status = 401
    code = "INVALID_CREDENTIALS"
    title = "The email address or the password is not right"


class CheckedAccount(msgspec.Struct, frozen=True):
    id: UUID
    name: str


async def hash_password(*, password: str) -> str:
    return await _in_thread(lambda: _HASHER.hash(password))


async def check_password(*, email: str, password: str) -> CheckedAccount:
    """The account that email and password prove; raises `InvalidCredentials` otherwise.

    Opens its own units of work, and none is open while it hashes. A hash made with older
    parameters is renewed.
    """
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        row = await fetch_row(
            "SELECT id, name, password_hash FROM account WHERE email = $1 AND status = $2",
            email.strip().lower(),
            AccountStatus.active.value,
        )
    stored = row["password_hash"] if row is not None else None
    matches = await _in_thread(lambda: _verify(stored or _NOBODY, password))
    if row is None or stored is None or not matches:
        raise InvalidCredentials
    if _HASHER.check_needs_rehash(stored):
        renewed = await hash_password(password=password)
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await execute("UPDATE account SET password_hash = $2 WHERE id = $1", row["id"], renewed)
    return CheckedAccount(row["id"], row["name"])


def _verify(stored: str, password: str) -> bool:
    if len(password.encode()) > PASSWORD_BYTES_MAX:
        return False
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


async def _in_thread(work: Callable[[], R]) -> R:
    """Run `work` in the pool; refuses at once when too many wait already."""
    global _waiting
    if _waiting >= WAITING_MAX:
        raise Unavailable("Too many people are signing in at once; try again in a moment")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    finally:
        _waiting -= 1
