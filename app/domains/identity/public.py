"""What other parts of the portal may ask of identity."""

from app.domains.identity.operations.account_create import create_account
from app.domains.identity.operations.identity_link import link_identity
from app.domains.identity.operations.membership_add import add_membership
from app.domains.identity.operations.membership_change import (
    LastAdministrator,
    OwnMembership,
    change_role,
    deactivate_membership,
    reactivate_membership,
)
from app.domains.identity.permissions import PERMISSIONS, permissions_of
from app.domains.identity.queries import (
    address_of,
    members_with_role,
    membership,
    memberships,
    names_of,
)
from app.domains.identity.values import MembershipView, Role, TenantView

__all__ = [
    "PERMISSIONS",
    "LastAdministrator",
    "MembershipView",
    "OwnMembership",
    "Role",
    "TenantView",
    "add_membership",
    "address_of",
    "change_role",
    "create_account",
    "deactivate_membership",
    "link_identity",
    "members_with_role",
    "membership",
    "memberships",
    "names_of",
    "permissions_of",
    "reactivate_membership",
]
