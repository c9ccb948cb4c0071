"""Access tokens of the REST interface: RS256, ten minutes, one audience (RFC 9068 in form).

Real time, the database's: business time moves no token, nor does a process whose clock is wrong.
The signing file may hold several keys: the first signs, the others only verify, so that keys rotate
with an overlap.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from joserfc.jwt import ClaimsOption

from app.domains.identity.values import Candidate
from app.kernel.errors import NotAuthenticated
from app.kernel.ids import new_id
from app.kernel.real_time import real_seconds
from app.settings import settings

LIFETIME_SECONDS = 600
LEEWAY_SECONDS = 5
AUDIENCE = "stakehold-api"
ALGORITHM = "RS256"
TYPE = "at+jwt"
_HEADER = frozenset({"alg", "kid", "typ"})
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)


class TokenInvalid(NotAuthenticated):
    code = "INVALID_TOKEN"
    title = "The access token is not valid any more; sign in or refresh it"


class TokenClaims(msgspec.Struct, frozen=True):
    """What a valid token says. Role and status are looked up anew at each request."""

    family_id: UUID
    membership_id: UUID
    tenant_id: UUID


@lru_cache(maxsize=1)
def _signing_keys() -> list[RSAKey]:
    text = Path(settings().signing_key_file).read_text()
    keys = [RSAKey.import_key(pem) for pem in _PEM.findall(text)]
    if not keys:
        raise RuntimeError("the file of SIGNING_KEY_FILE holds no key")
    for key in keys:
        key.ensure_kid()
    return keys


def issue_access_token(*, holder: Candidate, family_id: UUID) -> str:
    key = _signing_keys()[0]
    now = int(real_seconds())
    return jwt.encode(
        {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE},
        {
            "iss": settings().public_url,
            "aud": AUDIENCE,
            "sub": str(holder.membership_id),
            "tenant_id": str(holder.tenant.id),
            "role": holder.role.value,
            "sid": str(family_id),
            "jti": new_id().hex,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        },
        key,
        algorithms=[ALGORITHM],
    )


def read_access_token(token: str) -> TokenClaims:
    """What `token` says, once signature, type, issuer, audience and time are checked.

    Raises `TokenInvalid`. Does not look up whether its family still stands.
    """
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        # Nothing else may say which key verifies it: no jku, jwk, x5u or crit.
        if not header.keys() <= _HEADER or header.get("typ") != TYPE or "kid" not in header:
            raise TokenInvalid
        read = jwt.decode(token, KeySet([*_signing_keys()]), algorithms=[ALGORITHM])
        _claims_registry().validate(read.claims)
        return TokenClaims(
            family_id=UUID(read.claims["sid"]),
            membership_id=UUID(read.claims["sub"]),
            tenant_id=UUID(read.claims["tenant_id"]),
        )
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TokenInvalid from error


def _claims_registry() -> jwt.JWTClaimsRegistry:
    essential: ClaimsOption = {"essential": True}
    return jwt.JWTClaimsRegistry(
        now=int(real_seconds()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": settings().public_url},
        aud={"essential": True, "value": AUDIENCE},
        exp=essential,
        iat=essential,
        sub=essential,
        sid=essential,
        tenant_id=essential,
    )


def public_keys() -> dict[str, list[dict[str, Any]]]:
    """The keys that verify our tokens, as a JWK set."""
    return {
        "keys": [
            {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}
            for key in _signing_keys()
        ]
    }
