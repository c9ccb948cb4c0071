"""Every permission and every role: the one place that says who may do what.

A permission is named `area:action`. Row scope goes with it and is kept by the queries: a member
sees their own, a relationship manager (RM) their clients', everybody only their tenant.
`python -m app.domains.identity.permissions` prints the matrix of docs/security/permissions.md.
"""

from __future__ import annotations

from app.domains.identity.values import Role

PERMISSIONS: dict[str, str] = {
    "approval:decide": "Decide on requests that wait for compliance",
    "approval:read": "See requests for approval and their decisions",
    "approval:reassign": "Give a request to another approver",
    "audit:read": "Search the audit trail and verify its chain",
    "client:read": "See clients and what they hold",
    "client:screen": "Record a client's KYC and standing",
    "clock:move": "Move business time forward (demo and test only)",
    "custody:read": "See custody accounts and their balances",
    "deadline:decide": "Decide on a change of a deadline that somebody else proposed",
    "deadline:extend": "Propose more time for a deadline",
    "deadline:pause": "Propose that a deadline stand still, or run on",
    "deadline:read": "See deadlines and their trails",
    "deposit:write": "Confirm deposits",
    "destination:read": "See payout destinations",
    "destination:write": "Add and revoke payout destinations",
    "job:discard": "Give a failed job up, with a reason",
    "job:read": "See jobs that failed for good",
    "job:rerun": "Run a failed job again",
    "ledger:read": "See every account, balance and entry",
    "ledger:read_own": "See entries on one's own accounts",
    "me:read": "See who one is signed in as",
    "notification:choose": "Choose which notifications come by mail",
    "notification:read": "Read one's own notifications",
    "price:read": "See what assets are worth in US dollars, now and before",
    "product:read": "See products and their NAV",
    "redemption:approve": "Approve or reject a client's redemption",
    "redemption:clear": "Clear or decline a redemption that compliance must approve as well",
    "redemption:hold": "Hold a redemption, resume it, or cancel it from a hold",
    "redemption:read": "See redemptions",
    "redemption:request": "Ask to redeem, and cancel one's own request",
    "redemption:retry": "Send a failed payout again",
    "redemption:settle": "Mark the assets of a redemption ready for payout",
    "subscription:read": "See subscriptions",
    "tier:approve": "Approve or refuse a change of a client's tier",
    "tier:request": "Ask for a change of a client's tier",
    "user:read": "See who belongs to the tenant",
    "user:write": "Change somebody's role, end their access, give it back",
    "verify:read": "See whether every invariant holds",
}

_EVERYBODY = frozenset({"me:read", "notification:choose", "notification:read", "product:read"})

ROLES: dict[Role, frozenset[str]] = {
    Role.member: _EVERYBODY
    | {
        "destination:read",
        "destination:write",
        "ledger:read_own",
        "redemption:read",
        "redemption:request",
        "subscription:read",
    },
    Role.rm: _EVERYBODY
    | {
        "approval:read",
        "client:read",
        "deadline:read",
        "price:read",
        "redemption:approve",
        "redemption:read",
        "subscription:read",
    },
    Role.trader: _EVERYBODY
    | {
        "custody:read",
        "deadline:read",
        "price:read",
        "redemption:read",
        "redemption:retry",
        "redemption:settle",
        "subscription:read",
    },
    Role.operations: _EVERYBODY
    | {
        "approval:read",
        "approval:reassign",
        "client:read",
        "custody:read",
        "deadline:decide",
        "deadline:extend",
        "deadline:read",
        "deposit:write",
        "job:discard",
        "job:read",
        "job:rerun",
        "ledger:read",
        "price:read",
        "redemption:read",
        "redemption:retry",
        "subscription:read",
        "tier:request",
        "verify:read",
    },
    Role.compliance: _EVERYBODY
    | {
        "approval:decide",
        "approval:read",
        "audit:read",
        "client:read",
        "client:screen",
        "deadline:decide",
        "deadline:pause",
        "deadline:read",
        "ledger:read",
        "price:read",
        "redemption:clear",
        "redemption:hold",
        "redemption:read",
        "subscription:read",
        "tier:approve",
        "verify:read",
    },
    Role.admin: _EVERYBODY | {"clock:move", "user:read", "user:write", "verify:read"},
}


def permissions_of(role: Role) -> frozenset[str]:
    return ROLES[role]


def matrix() -> str:
    """The roles and permissions as a Markdown page."""
    roles = list(ROLES)
    lines = [
        "# Permissions",
        "",
        "Generated from `app/domains/identity/permissions.py` by",
        "`python -m app.domains.identity.permissions`; a test compares the two.",
        "",
        f"| permission | what it allows | {' | '.join(roles)} |",
        f"| --- | --- |{' --- |' * len(roles)}",
    ]
    for permission, meaning in sorted(PERMISSIONS.items()):
        marks = " | ".join("yes" if permission in ROLES[role] else "" for role in roles)
        lines.append(f"| `{permission}` | {meaning} | {marks} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(matrix(), end="")
