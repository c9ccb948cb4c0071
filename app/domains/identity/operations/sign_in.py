"""From proof of who somebody is to a session or a pair of tokens, in the tenant they chose.

Starts before a tenant is known, so these open their own units of work.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.domains.identity.operations.password_check import InvalidCredentials, check_password
from app.domains.identity.operations.session_open import open_session
from app.domains.identity.operations.token_issue import issue_tokens
from app.domains.identity.permissions import permissions_of
from app.domains.identity.queries import candidates
from app.domains.identity.values import Candidate, OpenedSession, SignInMethod, TokenPair
from app.kernel.actors import Actor
from app.kernel.database import unit_of_work
from app.kernel.errors import InputInvalid, NotPermitted


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sign-in comes from, for the session list and the audit trail."""

    request_id: str
    address: str
    user_agent: str


class NoMembership(NotPermitted):
    code = "NO_MEMBERSHIP"
    title = "Your account does not belong to this organisation"


class TenantRequired(InputInvalid):
    code = "TENANT_REQUIRED"


async def prove_by_password(*, tenant_slug: str, email: str, password: str) -> Candidate:
    """The membership that email and password open in the tenant.

    Raises `InvalidCredentials`, also where the account does not belong to the tenant; and
    `TenantRequired` where none is named and there are several.
    """
    account = await check_password(email=email, password=password)
    found = await candidates(account_id=account.id, tenant_slug=tenant_slug.strip().lower())
    if not found:
        raise InvalidCredentials
    return _only(found)


async def choose_membership(*, account_id: UUID, tenant_slug: str) -> Candidate:
    """The membership of somebody whom their provider vouches for. Raises `NoMembership`."""
    found = await candidates(account_id=account_id, tenant_slug=tenant_slug)
    if not found:
        raise NoMembership
    return _only(found)


def _only(found: list[Candidate]) -> Candidate:
    if len(found) > 1:
        raise TenantRequired.of("tenant", "REQUIRED", "Say which organisation to sign in to")
    return found[0]


async def sign_in_to_session(
    *, person: Candidate, method: SignInMethod, origin: Origin
) -> OpenedSession:
    """A session under an id of its own, whatever the browser brought along."""
    async with unit_of_work(tenant=person.tenant.id, actor=_actor(person, origin)):
        return await open_session(
            membership_id=person.membership_id, method=method, user_agent=origin.user_agent
        )


async def sign_in_to_tokens(
    *, person: Candidate, method: SignInMethod, origin: Origin
) -> TokenPair:
    async with unit_of_work(tenant=person.tenant.id, actor=_actor(person, origin)):
        return await issue_tokens(holder=person, method=method)


def _actor(person: Candidate, origin: Origin) -> Actor:
    return Actor(
        id=person.membership_id,
        name=person.name,
        role=person.role.value,
        permissions=permissions_of(person.role),
        request_id=origin.request_id,
        address=origin.address,
    )
