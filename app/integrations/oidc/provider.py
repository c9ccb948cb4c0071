"""A provider found by discovery: authorization code with PKCE (S256), state and nonce.

The algorithm is fixed here, not by the provider's metadata, which may list `none`.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from app.integrations.certificates import certificates
from app.integrations.circuit_breaker import CircuitBreaker, CircuitOpen
from app.integrations.oidc.port import Answer, Challenge, ProvenIdentity, ProviderRefused
from app.kernel.errors import Unavailable
from app.kernel.real_time import real_seconds

ALGORITHMS = ["RS256"]
METADATA_LIFETIME_SECONDS = 3600
# An unknown key id fetches the keys anew, but a flood of forged tokens must not become a flood there.
KEYS_AGE_MIN_SECONDS = 10
CLOCK_SKEW_SECONDS = 60
TIMEOUT_SECONDS = 5
ANSWER_BYTES_MAX = 256 * 1024
NO_ANSWER = "The sign-in service is not answering; try again in a moment, or use your password"


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Cached(msgspec.Struct):
    metadata: _Metadata | None = None
    metadata_at: float = 0.0
    keys: dict[str, RSAKey] = {}
    keys_at: float = 0.0


class OpenIdProvider:
    def __init__(self, *, issuer: str, client_id: str, client_secret: str) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = httpx.BasicAuth(client_id, client_secret)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, trust_env=False, verify=certificates()
        )
        self._breaker = CircuitBreaker(counts=(httpx.HTTPError,))
        self._cached = _Cached()

    async def close(self) -> None:
        await self._http.aclose()

    def new_challenge(self) -> Challenge:
        return Challenge(
            state=generate_token(48), nonce=generate_token(48), verifier=generate_token(64)
        )

    async def authorization_url(self, *, challenge: Challenge, redirect_uri: str) -> str:
        metadata = await self._metadata()
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope="openid profile email",
            state=challenge.state,
            nonce=challenge.nonce,
            code_challenge=create_s256_code_challenge(challenge.verifier),
            code_challenge_method="S256",
        )
        return url

    async def identify(self, answer: Answer) -> ProvenIdentity:
        # RFC 9207: an answer that names another issuer is a mix-up.
        if answer.issuer_parameter not in (None, self.issuer):
            raise ProviderRefused("the answer names another issuer")
        metadata = await self._metadata()
        tokens = await self._ask(
            "POST",
            metadata.token_endpoint,
            auth=self._secret,
            data={
                "grant_type": "authorization_code",
                "code": answer.code,
                "redirect_uri": answer.redirect_uri,
                "code_verifier": answer.verifier,
            },
        )
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderRefused("the answer holds no ID token")
        claims = await self._check(id_token, answer.nonce)
        return ProvenIdentity(issuer=self.issuer, subject=claims["sub"])

    async def _check(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is ours, fresh, and answers this nonce."""
        try:
            key = await self._key(id_token)
            token = jwt.decode(id_token, key, algorithms=ALGORITHMS)
            registry = jwt.JWTClaimsRegistry(
                now=int(real_seconds()),
                leeway=CLOCK_SKEW_SECONDS,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
                sub={"essential": True},
            )
            registry.validate(token.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderRefused(f"the ID token is not valid: {type(error).__name__}") from error
        audience = token.claims["aud"]
        if audience not in (self._client_id, [self._client_id]):
            raise ProviderRefused("the ID token is for somebody else as well")
        if token.claims.get("azp", self._client_id) != self._client_id:
            raise ProviderRefused("the ID token was given to somebody else")
        if not isinstance(token.claims["sub"], str) or not token.claims["sub"]:
            raise ProviderRefused("the ID token names nobody")
        return token.claims

    async def _key(self, id_token: str) -> RSAKey:
        header = msgspec.json.decode(_base64url(id_token.split(".", 1)[0]))
        kid = header.get("kid") if isinstance(header, dict) else None
        age = time.monotonic() - self._cached.keys_at
        known = kid in self._cached.keys if kid else bool(self._cached.keys)
        if age > METADATA_LIFETIME_SECONDS or (not known and age > KEYS_AGE_MIN_SECONDS):
            await self._fetch_keys()
        keys = self._cached.keys
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        if kid not in keys:
            raise ProviderRefused("the ID token is signed by an unknown key")
        return keys[kid]

    async def _fetch_keys(self) -> None:
        metadata = await self._metadata()
        answer = await self._ask("GET", metadata.jwks_uri)
        found = [
            {name: value for name, value in key.items() if name in ("kty", "n", "e", "kid")}
            for key in answer.get("keys", [])
            if isinstance(key, dict) and key.get("kty") == "RSA" and key.get("use", "sig") == "sig"
        ]
        keys = [
            key for key in KeySet.import_key_set({"keys": found}).keys if isinstance(key, RSAKey)
        ]
        self._cached.keys = {key.kid or "": key for key in keys}
        self._cached.keys_at = time.monotonic()

    async def _metadata(self) -> _Metadata:
        cached = self._cached
        age = time.monotonic() - cached.metadata_at
        if cached.metadata is None or age > METADATA_LIFETIME_SECONDS:
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = msgspec.convert(await self._ask("GET", url), _Metadata)
            if found.issuer != self.issuer:
                raise ProviderRefused("the discovery document is another issuer's")
            cached.metadata, cached.metadata_at = found, time.monotonic()
        return cached.metadata

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        try:
            with self._breaker.guard():
                answer = await self._http.request(method, url, **options)
        except (httpx.HTTPError, CircuitOpen) as error:
            raise Unavailable(NO_ANSWER) from error
        if answer.status_code >= 500:
            raise Unavailable(NO_ANSWER)
        if answer.status_code != 200 or len(answer.content) > ANSWER_BYTES_MAX:
            raise ProviderRefused(f"{url} answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ProviderRefused(f"{url} did not answer JSON") from error


def _base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
