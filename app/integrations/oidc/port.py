"""What sign-in needs of an identity provider."""

from __future__ import annotations

from typing import Protocol

import msgspec

from app.kernel.errors import DomainError


class ProviderRefused(DomainError):
    """The provider, or what it sent, did not prove who this is. `reason` is for the log alone."""

    status = 401
    code = "SINGLE_SIGN_ON_FAILED"
    title = "Single sign-on did not work out; start it again"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What binds one sign-in to one browser: kept by us, single use."""

    state: str
    nonce: str
    verifier: str


class ProvenIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the provider knows them; the pair is what accounts are linked by, never an email."""

    issuer: str
    subject: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brought back (`code`, `issuer_parameter`), beside what we had kept of it."""

    code: str
    issuer_parameter: str | None
    verifier: str
    nonce: str
    redirect_uri: str


class IdentityProvider(Protocol):
    issuer: str

    def new_challenge(self) -> Challenge:
        """Fresh random values for one sign-in."""

    async def authorization_url(self, *, challenge: Challenge, redirect_uri: str) -> str:
        """Where to send the browser. Raises `Unavailable`."""

    async def identify(self, answer: Answer) -> ProvenIdentity:
        """Trade the code for an ID token and check it. Raises `ProviderRefused` and `Unavailable`."""

    async def close(self) -> None: ...
