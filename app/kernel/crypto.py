"""Random secrets that are stored as hashes, and signatures under the portal's own key.

256 random bits need no salt and no slow hash: SHA-256 is there so that a copy of the database opens
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from app.settings import settings


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def keyed(purpose: str, message: str) -> bytes:
    """HMAC-SHA256 under the portal's secret key; each purpose has signatures of its own."""
    return hmac.new(
        settings().secret_key.encode(), f"{purpose}\0{message}".encode(), hashlib.sha256
    ).digest()
