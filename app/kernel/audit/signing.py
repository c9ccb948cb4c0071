"""Signatures over checkpoints: a list, so that a second algorithm can stand beside the first."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.settings import SettingInvalid, settings

ED25519 = "Ed25519"


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """`key_id` is the start of the public key's SHA-256; `signature` is base64."""

    algorithm: str
    key_id: str
    signature: str


def sign(statement: bytes) -> list[Signature]:
    """Every signature that this installation makes."""
    key = _key()
    return [
        Signature(
            algorithm=ED25519,
            key_id=_key_id(key),
            signature=b64encode(key.sign(statement)).decode(),
        )
    ]


def is_signed(statement: bytes, signatures: Sequence[Signature]) -> bool:
    """Whether our own key signed `statement`; signatures of other algorithms are left aside."""
    key = _key()
    public = key.public_key()
    for signature in signatures:
        if signature.algorithm == ED25519 and signature.key_id == _key_id(key):
            try:
                public.verify(b64decode(signature.signature, validate=True), statement)
            except (InvalidSignature, ValueError):
                return False
            return True
    return False


def _key() -> Ed25519PrivateKey:
    key = load_pem_private_key(Path(settings().audit_key_file).read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingInvalid("AUDIT_KEY_FILE must hold an Ed25519 private key in PEM")
    return key


def _key_id(key: Ed25519PrivateKey) -> str:
    return sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
