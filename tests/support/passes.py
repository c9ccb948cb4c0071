"""What somebody of a desk shows at the door, made without a password's cost: for tests of what lies
behind it."""

from __future__ import annotations

from dataclasses import dataclass

from app.domains.identity.operations.session_open import open_session
from app.domains.identity.operations.token_issue import issue_tokens
from app.domains.identity.values import Candidate, Role, SignInMethod, TenantView
from tests.support.desk import Desk


@dataclass(frozen=True)
class Pass:
    """`secret` is the session cookie's value, `token` an access token, `refresh` its refresh token."""

    secret: str
    token: str
    refresh: str


async def new_pass(desk: Desk, login: str) -> Pass:
    """Signed in once more: a session and tokens of their own."""
    actor = desk.people[login]
    assert actor.id is not None
    async with desk.working(login):
        session = await open_session(
            membership_id=actor.id, method=SignInMethod.password, user_agent="test"
        )
        tokens = await issue_tokens(
            holder=Candidate(
                membership_id=actor.id,
                name=actor.name,
                role=Role(actor.role),
                tenant=TenantView(
                    id=desk.tenant_id, slug=desk.slug, name="", time_zone="UTC", locale="en"
                ),
            ),
            method=SignInMethod.password,
        )
    return Pass(session.secret, tokens.access_token, tokens.refresh_token)
