"""Tables of identity. `Account`, `FederatedIdentity` and `SignInAttempt` belong to no tenant."""

from __future__ import annotations

from piccolo.table import Table

from app.domains.identity.values import AccountStatus, MembershipStatus, Role, SignInMethod
from app.kernel import columns
from app.kernel.database import DB


class Account(Table, tablename="account", db=DB):
    id = columns.identifier(primary_key=True)
    email = columns.words()
    name = columns.words()
    password_hash = columns.words(null=True)
    status = columns.choice(AccountStatus)
    created_at = columns.instant()


class FederatedIdentity(Table, tablename="federated_identity", db=DB):
    id = columns.identifier(primary_key=True)
    issuer = columns.words()
    subject = columns.words()
    account_id = columns.identifier()
    linked_at = columns.instant()


class SignInAttempt(Table, tablename="sign_in_attempt", db=DB):
    id = columns.identifier(primary_key=True)
    state_digest = columns.octets()
    browser_digest = columns.octets()
    nonce = columns.words()
    verifier = columns.words()
    tenant_slug = columns.words()
    next_path = columns.words()
    created_at = columns.instant()
    used_at = columns.instant(null=True)


class Membership(Table, tablename="membership", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    account_id = columns.identifier()
    role = columns.choice(Role)
    status = columns.choice(MembershipStatus)
    created_at = columns.instant()


class Session(Table, tablename="session", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    membership_id = columns.identifier()
    digest = columns.octets()
    method = columns.choice(SignInMethod)
    address = columns.words()
    user_agent = columns.words()
    created_at = columns.instant()
    last_seen_at = columns.instant()
    expires_at = columns.instant()
    ended_at = columns.instant(null=True)


class RefreshFamily(Table, tablename="refresh_family", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    membership_id = columns.identifier()
    created_at = columns.instant()
    expires_at = columns.instant()
    revoked_at = columns.instant(null=True)


class RefreshToken(Table, tablename="refresh_token", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    family_id = columns.identifier()
    digest = columns.octets()
    created_at = columns.instant()
    used_at = columns.instant(null=True)
