"""The navigation: what this person may do, grouped by task. Nothing in it leads nowhere."""

from __future__ import annotations

import msgspec

from app.kernel.actors import Actor


class Link(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    href: str
    icon: str
    permission: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    links: list[Link]


# What is found is within the scope of redemptions; who sees none has nothing to search.
SEARCH = "redemption:read"

_GROUPS = [
    Group(
        label="To do",
        links=[
            Link(
                label="Approvals",
                href="/approvals",
                icon="clipboard-check",
                permission="redemption:approve",
            ),
            Link(
                label="Approvals",
                href="/approvals",
                icon="clipboard-check",
                permission="redemption:clear",
            ),
            Link(
                label="Settlement",
                href="/settlement",
                icon="building-bank",
                permission="redemption:settle",
            ),
            Link(
                label="Operations",
                href="/operations",
                icon="alert-triangle",
                permission="job:read",
            ),
        ],
    ),
    Group(
        label="Investments",
        links=[
            Link(
                label="Holdings",
                href="/holdings",
                icon="chart-pie",
                permission="redemption:request",
            ),
            Link(
                label="Redemptions",
                href="/redemptions",
                icon="list-details",
                permission="redemption:read",
            ),
            Link(
                label="Destinations",
                href="/destinations",
                icon="wallet",
                permission="destination:read",
            ),
            Link(label="Clients", href="/clients", icon="users", permission="client:read"),
            Link(label="KYC", href="/kyc", icon="shield-lock", permission="client:read"),
            Link(label="Prices", href="/prices", icon="coins", permission="price:read"),
            Link(label="Search", href="/search", icon="search", permission=SEARCH),
        ],
    ),
    Group(
        label="Books",
        links=[
            Link(
                label="Ledger",
                href="/ledger/accounts",
                icon="book",
                permission="ledger:read",
            ),
            Link(
                label="Audit",
                href="/audit",
                icon="history",
                permission="audit:read",
            ),
        ],
    ),
    Group(
        label="Oversight",
        links=[
            Link(
                label="Deadlines",
                href="/deadlines",
                icon="clock",
                permission="deadline:read",
            ),
            Link(
                label="Approval records",
                href="/approval-records",
                icon="clipboard-check",
                permission="approval:read",
            ),
            Link(
                label="Jobs",
                href="/jobs",
                icon="inbox",
                permission="job:read",
            ),
        ],
    ),
    Group(
        label="Organisation",
        links=[
            Link(label="People", href="/users", icon="users", permission="user:read"),
            Link(label="System", href="/system", icon="activity", permission="verify:read"),
        ],
    ),
    Group(
        label="Me",
        links=[
            Link(
                label="Notifications",
                href="/notifications",
                icon="bell",
                permission="notification:read",
            ),
        ],
    ),
]


def navigation(actor: Actor) -> list[Group]:
    groups = [
        Group(label=group.label, links=[link for link in group.links if actor.may(link.permission)])
        for group in _GROUPS
    ]
    return [group for group in groups if group.links]


def home_of(actor: Actor) -> str:
    """Where `/` leads this person: to the first thing they have to do."""
    groups = navigation(actor)
    return groups[0].links[0].href if groups else "/notifications"
