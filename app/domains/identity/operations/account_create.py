"""Make an account: one person, who belongs to no tenant yet."""

from __future__ import annotations

from uuid import UUID

from app.domains.identity.operations.password_check import hash_password
from app.domains.identity.values import AccountStatus
from app.kernel.database import fetch_value
from app.kernel.errors import Conflict, InputInvalid
from app.kernel.ids import new_id

PASSWORD_LENGTH_MIN = 12
PASSWORD_LENGTH_MAX = 256
EMAIL_LENGTH_MAX = 254
NAME_LENGTH_MAX = 200


class EmailTaken(Conflict):
    code = "EMAIL_TAKEN"
    title = "There is an account with this email address already"


async def create_account(*, email: str, name: str, password: str | None = None) -> UUID:
    """An account for `email`; without a password it signs in through its identity provider only.

    Raises `InputInvalid` and `EmailTaken`.
    """
    email = email.strip().lower()
    name = name.strip()
    if "@" not in email[1:-1] or len(email) > EMAIL_LENGTH_MAX:
        raise InputInvalid.of("email", "NOT_AN_EMAIL", "Write an email address")
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise InputInvalid.of("name", "LENGTH", f"From 1 to {NAME_LENGTH_MAX} characters")
    if password is not None and not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise InputInvalid.of(
            "password",
            "LENGTH",
            f"From {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters",
        )
    password_hash = None if password is None else await hash_password(password=password)
    account_id: UUID | None = await fetch_value(
        "INSERT INTO account (id, email, name, password_hash, status, created_at)"
        " VALUES ($1, $2, $3, $4, $5, clock_timestamp()) ON CONFLICT (email) DO NOTHING"
        " RETURNING id",
        new_id(),
        email,
        name,
        password_hash,
        AccountStatus.active.value,
    )
    if account_id is None:
        raise EmailTaken
    return account_id
