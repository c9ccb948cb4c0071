"""ID tokens that a provider, or somebody who pretends to be one, might send."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.integrations.oidc.port import Answer, ProviderRefused
from app.integrations.oidc.provider import OpenIdProvider
from app.kernel.errors import Unavailable

ISSUER = "https://provider.example"
CLIENT = "stakehold"
NONCE = "the-nonce"


class Provider:
    """Answers discovery, keys and tokens as told; counts how often its keys were fetched."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.published = [self.key]
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        }
        self.tokens: dict[str, Any] = {}
        self.fetched = 0
        self.status = 200

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(self.status, json=self.metadata)
        if request.url.path == "/keys":
            self.fetched += 1
            keys = [key.as_dict(private=False) for key in self.published]
            return httpx.Response(self.status, json={"keys": keys})
        return httpx.Response(self.status, json=self.tokens)

    def sign(
        self, claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None
    ) -> str:
        now = int(time.time())
        whole: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": "somebody",
            "nonce": NONCE,
            "iat": now,
            "exp": now + 300,
        }
        whole |= claims or {}
        given = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "one"} | (header or {}), given, self.key)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[OpenIdProvider]:
    made = OpenIdProvider(issuer=ISSUER, client_id=CLIENT, client_secret="secret")
    await made._http.aclose()
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(provider.answer))
    yield made
    await made.close()


async def _identify(client: OpenIdProvider, **changes: Any) -> str:
    given: dict[str, Any] = {
        "code": "code",
        "issuer_parameter": None,
        "verifier": "v",
        "nonce": NONCE,
        "redirect_uri": "https://portal.test/auth/oidc/callback",
    }
    return (await client.identify(Answer(**(given | changes)))).subject


async def test_a_good_token_says_who(client: OpenIdProvider, provider: Provider) -> None:
    provider.tokens = {"id_token": provider.sign()}
    assert await _identify(client) == "somebody"
    assert await _identify(client, issuer_parameter=ISSUER) == "somebody"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_good_token_is_good_where_our_own_clock_is_wrong(
    client: OpenIdProvider,
    provider: Provider,
    own_clock_off: Callable[[float], None],
    hours: int,
) -> None:
    provider.tokens = {"id_token": provider.sign()}
    own_clock_off(hours * 3600)
    assert await _identify(client) == "somebody"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "somebody-else"]},
        {"aud": []},
        {"aud": None},
        {"azp": "somebody-else"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    client: OpenIdProvider, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.tokens = {"id_token": provider.sign(claims)}
    with pytest.raises(ProviderRefused):
        await _identify(client)


async def test_a_token_without_signature_is_refused(
    client: OpenIdProvider, provider: Provider
) -> None:
    head, body, _ = provider.sign().split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    for token in (f"{none}.{body}.", f"{head}.{body}.", "x", "a.b.c"):
        provider.tokens = {"id_token": token}
        with pytest.raises(ProviderRefused):
            await _identify(client)


async def test_the_client_secret_as_a_key_is_refused(
    client: OpenIdProvider, provider: Provider
) -> None:
    good = provider.sign().split(".")[1]
    forged = jwt.encode(
        {"alg": "HS256", "kid": "one"},
        {"sub": good},
        OctKey.import_key("secret-secret-secret-secret"),
        algorithms=["HS256"],
    )
    provider.tokens = {"id_token": forged}
    with pytest.raises(ProviderRefused):
        await _identify(client)


async def test_a_new_key_is_fetched_but_not_at_everybodys_call(
    client: OpenIdProvider, provider: Provider
) -> None:
    provider.tokens = {"id_token": provider.sign()}
    await _identify(client)
    assert provider.fetched == 1
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    provider.published.append(provider.key)
    provider.tokens = {"id_token": provider.sign(header={"kid": "two"})}
    for _ in range(5):
        with pytest.raises(ProviderRefused):
            await _identify(client)
    assert provider.fetched == 1
    client._cached.keys_at -= 60
    assert await _identify(client) == "somebody"
    assert provider.fetched == 2


async def test_another_issuers_answer_is_a_mix_up(
    client: OpenIdProvider, provider: Provider
) -> None:
    provider.tokens = {"id_token": provider.sign()}
    with pytest.raises(ProviderRefused):
        await _identify(client, issuer_parameter="https://evil.example")


async def test_a_discovery_document_of_another_issuer_is_refused(
    client: OpenIdProvider, provider: Provider
) -> None:
    provider.metadata["issuer"] = "https://evil.example"
    with pytest.raises(ProviderRefused):
        await _identify(client)


async def test_a_failing_provider_is_unavailable(
    client: OpenIdProvider, provider: Provider
) -> None:
    provider.status = 502
    with pytest.raises(Unavailable):
        await _identify(client)
