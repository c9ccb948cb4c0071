"""Access and refresh tokens, and what is tried with them."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.domains.identity.public import Role, change_role, deactivate_membership
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, unit_of_work
from app.settings import settings
from app.web.shell import Portal
from tests.support.client import Browser, Person, add_person, log_in, portal_client
from tests.support.database import TestTenant


@pytest.fixture
async def person(tenant: TestTenant, portal: Portal) -> Person:
    return await add_person(tenant.id, "rm")


@pytest.fixture
async def tokens(browser: Browser, tenant: TestTenant, person: Person) -> dict[str, Any]:
    return await log_in(browser, tenant.slug, person.email)


async def _me(browser: Browser) -> int:
    return (await browser.get("/api/v1/me")).status_code


async def _refresh(browser: Browser, token: str) -> Any:
    return await browser.post("/api/v1/auth/refresh", json={"refresh_token": token})


def _key() -> RSAKey:
    key = RSAKey.import_key(Path(settings().signing_key_file).read_text())
    key.ensure_kid()
    return key


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return tuple(
        msgspec.json.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in (header, claims)
    )  # type: ignore[return-value]


async def test_login_gives_a_token_that_says_who(
    browser: Browser, tenant: TestTenant, person: Person, tokens: dict[str, Any]
) -> None:
    header, claims = _parts(tokens["access_token"])
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "RS256"
    assert claims["sub"] == str(person.membership_id)
    assert claims["tenant_id"] == str(tenant.id)
    assert claims["aud"] == "stakehold-api"
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 600
    me = (await browser.get("/api/v1/me")).json()["data"]
    assert me["user"]["email"] == person.email
    assert me["roles"] == ["rm"]
    assert "redemption:approve" in me["permissions"]


@pytest.mark.parametrize("hours", [1, -1])
async def test_processes_whose_clocks_are_wrong_take_each_others(
    browser: Browser,
    tokens: dict[str, Any],
    own_clock_off: Callable[[float], None],
    hours: int,
) -> None:
    now = time.time()
    own_clock_off(hours * 3600)
    fresh = (await _refresh(browser, tokens["refresh_token"])).json()["access_token"]
    _, claims = _parts(fresh)
    assert abs(claims["iat"] - now) < 30
    for off in (hours, 0, -hours):
        own_clock_off(off * 3600)
        browser.headers["Authorization"] = f"Bearer {fresh}"
        assert await _me(browser) == 200


async def test_the_public_keys_verify_it(browser: Browser, tokens: dict[str, Any]) -> None:
    answer = await browser.get("/api/v1/auth/jwks.json")
    (key,) = answer.json()["keys"]
    assert "d" not in key
    assert key["alg"] == "RS256"
    public = RSAKey.import_key(key)
    assert jwt.decode(tokens["access_token"], public, algorithms=["RS256"]).claims["sub"]


@pytest.mark.parametrize("field", ["email", "password", "tenant"])
async def test_wrong_credentials_get_one_answer(
    browser: Browser, tenant: TestTenant, person: Person, field: str
) -> None:
    body = {"tenant": tenant.slug, "email": person.email, "password": "Correct-horse-7"}
    answer = await browser.post("/api/v1/auth/login", json=body | {field: "wrong"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "INVALID_CREDENTIALS"


class TestForgeries:
    async def _refused(self, browser: Browser, token: str) -> None:
        browser.headers["Authorization"] = f"Bearer {token}"
        answer = await browser.get("/api/v1/me")
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers

    @pytest.mark.parametrize(
        "change",
        [
            {"exp": 1},
            {"exp": None},
            {"iat": None},
            {"aud": "somebody-else"},
            {"aud": None},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"sub": "not-an-id"},
            {"sub": None},
            {"sid": None},
            {"tenant_id": "01a2052a-ca94-714a-bd53-db839bfeb6a0"},
        ],
    )
    async def test_wrong_claims_are_refused(
        self, browser: Browser, tokens: dict[str, Any], change: dict[str, Any]
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        changed = {name: value for name, value in (claims | change).items() if value is not None}
        await self._refused(browser, jwt.encode(header, changed, _key(), algorithms=["RS256"]))

    @pytest.mark.parametrize(
        "change",
        [
            {"typ": "JWT"},
            {"typ": None},
            {"kid": "another"},
            {"kid": None},
            {"jku": "https://evil.example/keys"},
            {"x5u": "https://evil.example/cert"},
        ],
    )
    async def test_wrong_headers_are_refused(
        self, browser: Browser, tokens: dict[str, Any], change: dict[str, Any]
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        changed = {name: value for name, value in (header | change).items() if value is not None}
        token = jwt.encode(changed, claims, _key(), algorithms=["RS256"], default_type=None)
        await self._refused(browser, token)

    async def test_no_signature_is_refused(self, browser: Browser, tokens: dict[str, Any]) -> None:
        header, _ = _parts(tokens["access_token"])
        unsigned = urlsafe_b64encode(msgspec.json.encode(header | {"alg": "none"})).rstrip(b"=")
        body = tokens["access_token"].split(".")[1]
        await self._refused(browser, f"{unsigned.decode()}.{body}.")

    async def test_the_public_key_as_a_shared_secret_is_refused(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        secret = OctKey.import_key(urlsafe_b64encode(_key().as_pem(private=False)).decode())
        forged = jwt.encode(header | {"alg": "HS256"}, claims, secret, algorithms=["HS256"])
        await self._refused(browser, forged)

    async def test_another_key_is_refused(self, browser: Browser, tokens: dict[str, Any]) -> None:
        header, claims = _parts(tokens["access_token"])
        other = RSAKey.generate_key(2048)
        await self._refused(browser, jwt.encode(header, claims, other, algorithms=["RS256"]))

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.ü.ö", "." * 500])
    async def test_rubbish_is_refused(self, browser: Browser, token: str) -> None:
        answer = await browser.get(
            "/api/v1/me", headers={"Authorization": f"Bearer {token}".encode()}
        )
        assert answer.status_code == 401

    async def test_a_token_of_the_far_past_is_refused(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        now = int(time.time())
        old = claims | {"iat": now - 700, "exp": now - 100}
        await self._refused(browser, jwt.encode(header, old, _key(), algorithms=["RS256"]))


class TestOtherTokens:
    """Real ones, of another kind or of somebody else, and forged ones under other algorithms."""

    async def _refused(self, browser: Browser, token: str) -> None:
        browser.headers["Authorization"] = f"Bearer {token}"
        assert await _me(browser) == 401

    async def test_an_id_token_and_a_refresh_token_are_no_access_tokens(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        _, claims = _parts(tokens["access_token"])
        provider = RSAKey.generate_key(2048, {"kid": _key().kid, "use": "sig"})
        id_claims = {"iss": settings().oidc_issuer, "aud": settings().oidc_client_id}
        id_claims |= {
            "sub": claims["sub"],
            "nonce": "n",
            "iat": claims["iat"],
            "exp": claims["exp"],
        }
        for key in (provider, _key()):
            header = {"alg": "RS256", "kid": _key().kid, "typ": "JWT"}
            await self._refused(browser, jwt.encode(header, id_claims, key, algorithms=["RS256"]))
        await self._refused(browser, tokens["refresh_token"])
        # Longer than any refresh token may be.
        assert (await _refresh(browser, tokens["access_token"])).status_code == 422

    @pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS512"])
    async def test_our_own_key_under_another_algorithm_is_refused(
        self, browser: Browser, tokens: dict[str, Any], algorithm: str
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        forged = jwt.encode(header | {"alg": algorithm}, claims, _key(), algorithms=[algorithm])
        await self._refused(browser, forged)

    @pytest.mark.parametrize("form", ["PEM", "DER", "JWK", "modulus"])
    async def test_the_public_key_in_any_form_is_no_shared_secret(
        self, browser: Browser, tokens: dict[str, Any], form: str
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        public = _key().as_dict(private=False)
        octets = {
            "PEM": _key().as_pem(private=False),
            "DER": _key().as_der(private=False),
            "JWK": msgspec.json.encode(public),
            "modulus": urlsafe_b64decode(str(public["n"]) + "=="),
        }[form]
        secret = OctKey.import_key(urlsafe_b64encode(octets).rstrip(b"=").decode())
        forged = jwt.encode(header | {"alg": "HS256"}, claims, secret, algorithms=["HS256"])
        await self._refused(browser, forged)

    async def test_a_key_that_travels_with_the_token_is_not_believed(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        header, claims = _parts(tokens["access_token"])
        own = RSAKey.generate_key(2048, {"kid": _key().kid})
        for extra in (
            {"jwk": own.as_dict(private=False)},
            {"x5c": ["MIIB"]},
            {"crit": ["exp"]},
            {"cty": "JWT"},
            {"kid": "../../dev/null"},
            {"kid": own.thumbprint()},
        ):
            changed = header | extra
            body = urlsafe_b64encode(msgspec.json.encode(changed)).rstrip(b"=").decode()
            signed = jwt.encode(header, claims, own, algorithms=["RS256"])
            await self._refused(browser, ".".join([body, *signed.split(".")[1:]]))
            await self._refused(browser, signed)

    async def test_one_sign_ins_token_does_not_speak_for_another_person(
        self, browser: Browser, tenant: TestTenant, tokens: dict[str, Any], new_tenant: Any
    ) -> None:
        """Signed by us, as though one could have it: the family must be that member's."""
        header, claims = _parts(tokens["access_token"])
        colleague = await add_person(tenant.id, "admin")
        other = await new_tenant()
        stranger = await add_person(other.id, "rm")
        for change in (
            {"sub": str(colleague.membership_id)},
            {"sub": str(stranger.membership_id), "tenant_id": str(other.id)},
            {"tenant_id": str(other.id)},
        ):
            token = jwt.encode(header, claims | change, _key(), algorithms=["RS256"])
            await self._refused(browser, token)

    async def test_it_is_taken_from_its_header_alone(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        token = browser.headers.pop("Authorization").removeprefix("Bearer ")
        for answer in (
            await browser.get("/api/v1/me", params={"access_token": token}),
            await browser.get("/api/v1/me", headers={"Cookie": f"access_token={token}"}),
            await browser.get("/api/v1/me", headers={"X-Access-Token": token}),
            await browser.get("/api/v1/me", headers={"Authorization": f"Basic {token}"}),
            await browser.get("/api/v1/me", headers={"Authorization": token}),
        ):
            assert answer.status_code == 401
        claimed = {"role": "admin"}
        _, claims = _parts(token)
        assert claims["role"] == "rm", "which is not what decides"
        header, _ = _parts(token)
        raised = jwt.encode(header, claims | claimed, _key(), algorithms=["RS256"])
        answer = await browser.get("/api/v1/users", headers={"Authorization": f"Bearer {raised}"})
        assert answer.status_code == 403


class TestRefresh:
    async def test_it_gives_a_new_pair(self, browser: Browser, tokens: dict[str, Any]) -> None:
        answer = await _refresh(browser, tokens["refresh_token"])
        assert answer.status_code == 200
        pair = answer.json()
        assert pair["refresh_token"] != tokens["refresh_token"]
        browser.headers["Authorization"] = f"Bearer {pair['access_token']}"
        assert await _me(browser) == 200

    async def test_two_at_once_get_the_same_successor(
        self, browser: Browser, tokens: dict[str, Any]
    ) -> None:
        answers = await asyncio.gather(
            *(_refresh(browser, tokens["refresh_token"]) for _ in range(5))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1

    async def test_a_spent_one_revokes_everything_of_its_sign_in(
        self, browser: Browser, tenant: TestTenant, tokens: dict[str, Any]
    ) -> None:
        successor = (await _refresh(browser, tokens["refresh_token"])).json()
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute("UPDATE refresh_token SET used_at = used_at - interval '11 seconds'")
        answer = await _refresh(browser, tokens["refresh_token"])
        assert answer.status_code == 401
        assert answer.json()["code"] == "TOKEN_REUSED"
        assert (await _refresh(browser, successor["refresh_token"])).status_code == 401
        assert await _me(browser) == 401
        browser.headers["Authorization"] = f"Bearer {successor['access_token']}"
        assert await _me(browser) == 401

    async def test_an_unknown_one_is_refused(self, browser: Browser) -> None:
        answer = await _refresh(browser, "never-issued")
        assert answer.status_code == 401
        assert answer.json()["code"] == "INVALID_TOKEN"

    async def test_a_deactivated_member_gets_none(
        self, browser: Browser, tenant: TestTenant, person: Person, tokens: dict[str, Any]
    ) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await deactivate_membership(membership_id=person.membership_id)
        assert await _me(browser) == 401
        assert (await _refresh(browser, tokens["refresh_token"])).status_code == 401


async def test_logging_out_kills_both_tokens(browser: Browser, tokens: dict[str, Any]) -> None:
    assert (await browser.post("/api/v1/auth/logout")).status_code == 204
    assert await _me(browser) == 401
    assert (await _refresh(browser, tokens["refresh_token"])).status_code == 401


async def test_a_change_of_role_counts_for_tokens_already_given(
    browser: Browser, tenant: TestTenant, person: Person, tokens: dict[str, Any]
) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await change_role(membership_id=person.membership_id, role=Role.member)
    assert (await browser.get("/api/v1/me")).json()["data"]["roles"] == ["member"]
    assert (await browser.get("/api/v1/approvals")).status_code == 403


async def test_limits_are_told(browser: Browser, tokens: dict[str, Any]) -> None:
    answer = await browser.get("/api/v1/me")
    assert answer.headers["ratelimit-policy"] == '"user";q=300;w=60'
    assert answer.headers["ratelimit"].startswith('"user";r=29')


async def test_a_token_opens_no_page(
    portal: Portal, browser: Browser, tokens: dict[str, Any]
) -> None:
    assert (await browser.get("/notifications")).status_code == 303
    async with portal_client(portal) as nobody:
        assert await _me(nobody) == 401
