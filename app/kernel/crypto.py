"""Random secrets that are stored as hashes, and signatures under the portal's own key.

256 random bits need no salt and no slow hash: SHA-256 is there so that a copy of the database opens
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

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


def sealed(purpose: str, message: bytes) -> bytes:
    """The message, for nobody but this portal to read or change (AES-SIV, RFC 5297). The same message
    is sealed the same way: what is made of it stays what it was."""
    return _siv(purpose).encrypt(message, None)


def unsealed(purpose: str, message: bytes) -> bytes:
    """Raises `ValueError` for what this portal did not seal for this purpose."""
    try:
        return _siv(purpose).decrypt(message, None)
    except InvalidTag as error:
        raise ValueError("not sealed here") from error


def _siv(purpose: str) -> AESSIV:
    return AESSIV(keyed(purpose, "authenticate") + keyed(purpose, "encrypt"))
