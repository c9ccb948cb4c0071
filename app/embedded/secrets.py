"""Secrets of a local installation: made once, kept in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Secrets:
    """Reads a secret, or makes it at the first reading."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    def password(self, name: str) -> str:
        """256 random bits, in hexadecimal: safe in URLs, files and SQL."""
        return self._file(name, lambda: secrets.token_hex(32).encode()).read_text()

    def rsa_key_file(self, name: str) -> Path:
        """An RSA private key of 3072 bits, for RS256: as strong as 128 bits of a symmetric key."""
        return self._file(name, lambda: _pem(rsa.generate_private_key(65537, 3072)))

    def ed25519_key_file(self, name: str) -> Path:
        return self._file(name, lambda: _pem(ed25519.Ed25519PrivateKey.generate()))

    def _file(self, name: str, make: Callable[[], bytes]) -> Path:
        path = self._folder / name
        if not path.exists():
            # Written aside and renamed: a run killed here leaves no half a secret behind.
            draft = path.with_name(f"{name}.new")
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        return path


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
