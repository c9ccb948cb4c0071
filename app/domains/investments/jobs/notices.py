"""Who is told what: the whole matrix, to be read beside the design's.

`matrix()` is docs/notices.md. A test holds that each event of docs/events has its row here, or a
reason in `NOT_TOLD`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from app.domains.identity.public import Role
from app.kernel.notifications import NoticeGroup, declare_group
from app.kernel.notifications.groups import DIGEST


class Group(StrEnum):
    """What people can choose about together. See `GROUPS`."""

    redemptions = "redemptions"
    deadlines = "deadlines"
    deposits = "deposits"
    clients = "clients"
    security = "security"


class How(StrEnum):
    """In the portal always; `large` is at once, of what is above `large_deposit_usd` alone."""

    at_once = "at once, by mail as well"
    portal = "in the portal"
    daily = "in the daily digest"
    large = "at once, if it is large"


class Who(StrEnum):
    """`rm` is the client's relationship manager, and whoever decides in their place; `approver`
    those alone whose decision it waits for: the approver, and who stands in for them now;
    `proposer` who proposed what it is about, and is not told to decide on it themselves."""

    client = "client"
    rm = "rm"
    approver = "approver"
    proposer = "proposer"
    trader = "trader"
    operations = "operations"
    compliance = "compliance"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `body` names facts in braces (`facts.py` reads them); `{whose}` is the client's name
    for whoever is not the client. `digest` is its line where somebody hears of it daily."""

    group: Group
    title: str
    body: str
    digest: str = ""
    client: How | None = None
    rm: How | None = None
    approver: How | None = None
    proposer: How | None = None
    trader: How | None = None
    operations: How | None = None
    compliance: How | None = None

    def told(self) -> Iterator[tuple[Who, How]]:
        """Everybody in the row, the client first."""
        for who in Who:
            how: How | None = getattr(self, who.value)
            if how is not None:
                yield who, how


NOW = How.at_once
_WHAT = "{whose}{reference}: {net} {asset} from {product}"

NOTICES: dict[str, Notice] = {
    "client.kyc_recorded": Notice(
        group=Group.clients,
        title="KYC recorded",
        body="{whose}compliance recorded the outcome of a KYC check.",
        rm=How.portal,
    ),
    "client.tier_requested": Notice(
        group=Group.clients,
        title="Change of tier waits for compliance",
        body="{whose}operations ask for {tier_after} in place of {tier_before}.",
        compliance=NOW,
    ),
    "client.tier_approved": Notice(
        group=Group.clients,
        title="Tier changed",
        body="{whose}compliance approved {tier_after} in place of {tier_before}.",
        rm=NOW,
        operations=How.portal,
    ),
    "client.tier_rejected": Notice(
        group=Group.clients,
        title="Change of tier refused",
        body="{whose}compliance refused {tier_after}; it stays {tier_before}.",
        rm=How.portal,
        operations=NOW,
    ),
    "deposit.confirmed": Notice(
        group=Group.deposits,
        title="Deposit confirmed",
        body="{whose}{amount} {asset} for {product} has arrived and becomes units at the cutoff.",
        digest="{client} paid in {amount} {asset} for {product}",
        client=NOW,
        rm=How.daily,
        trader=How.large,
    ),
    "subscription.opened": Notice(
        group=Group.deposits,
        title="Units issued",
        body="{whose}{units} units of {product} for {amount} {asset}, until {matures_on}.",
        digest="{client} got {units} units of {product} for {amount} {asset}",
        client=NOW,
        rm=How.daily,
    ),
    "destination.added": Notice(
        group=Group.security,
        title="Destination added",
        body="{whose}{destination} can be paid to from {usable_from}. If it was not you who added it,"
        " revoke it now, and tell your relationship manager.",
        client=NOW,
    ),
    "destination.revoked": Notice(
        group=Group.security,
        title="Destination revoked",
        body="{whose}{destination} is never paid to again.{held} If it was not you who revoked it,"
        " tell your relationship manager.",
        client=NOW,
    ),
    "redemption.requested": Notice(
        group=Group.redemptions,
        title="Redemption requested",
        body=_WHAT + ". It waits for the manager's approval.",
        client=NOW,
        rm=NOW,
        approver=NOW,
    ),
    "redemption.approved": Notice(
        group=Group.redemptions,
        title="Redemption approved",
        body=_WHAT + ". It is paid within 36 hours.",
        client=NOW,
        rm=NOW,
        trader=NOW,
    ),
    "redemption.rejected": Notice(
        group=Group.redemptions,
        title="Redemption rejected",
        body=_WHAT + ". The units are free again. {note}",
        client=NOW,
        rm=NOW,
    ),
    "redemption.cancelled": Notice(
        group=Group.redemptions,
        title="Redemption cancelled",
        body=_WHAT + ". The units are free again.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.awaiting_client": Notice(
        group=Group.deadlines,
        title="Redemption waits for the client's answer",
        body=_WHAT + " is what it comes to now. {note}. Unless accepted within 24 hours it lapses.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.client_reminder": Notice(
        group=Group.deadlines,
        title="Redemption still waits for your answer",
        body=_WHAT + " waits for you. {note}.",
        client=NOW,
    ),
    "redemption.lapsed": Notice(
        group=Group.deadlines,
        title="Redemption lapsed",
        body=_WHAT + ". The units are free again. {note}.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.held": Notice(
        group=Group.redemptions,
        title="Redemption on hold",
        body=_WHAT + ". {note}",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
        compliance=NOW,
    ),
    "redemption.resumed": Notice(
        group=Group.redemptions,
        title="Redemption resumed",
        body=_WHAT + " goes on.",
        client=NOW,
        rm=NOW,
        trader=NOW,
    ),
    "redemption.reassigned": Notice(
        group=Group.deadlines,
        title="Redemption given to you to decide",
        body=_WHAT + ". {note}",
        approver=NOW,
    ),
    "redemption.ready": Notice(
        group=Group.redemptions,
        title="Redemption ready for payout",
        body=_WHAT + ". The assets are set aside.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.sent": Notice(
        group=Group.redemptions,
        title="Payout sent",
        body=_WHAT + ". It is on its way.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.completed": Notice(
        group=Group.redemptions,
        title="Redemption paid",
        body=_WHAT + " has been paid. {note}",
        client=NOW,
        rm=NOW,
    ),
    "redemption.payout_failed": Notice(
        group=Group.deadlines,
        title="Payout failed",
        body=_WHAT + ". The custodian refused it, nothing has left; it will be sent again.",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
    ),
    "redemption.payout_withheld": Notice(
        group=Group.deadlines,
        title="Payout not sent again",
        body=_WHAT + ". The custodian does not know of it, and it may not be sent: {note}.",
        trader=NOW,
        operations=NOW,
        compliance=NOW,
    ),
    "redemption.approval_reminder": Notice(
        group=Group.deadlines,
        title="Approval waiting",
        body=_WHAT + " still waits for your approval. {note}.",
        approver=NOW,
    ),
    "redemption.approval_overdue": Notice(
        group=Group.deadlines,
        title="Approval overdue",
        body=_WHAT + " was not decided within 24 hours.",
        approver=NOW,
        operations=NOW,
    ),
    "redemption.compliance_asked": Notice(
        group=Group.redemptions,
        title="Redemption waits for compliance",
        body=_WHAT + ". The manager approved it; compliance decides within 12 hours.",
        client=NOW,
        compliance=NOW,
    ),
    "redemption.compliance_reminder": Notice(
        group=Group.deadlines,
        title="Clearance waiting",
        body=_WHAT + " still waits for compliance. {note}.",
        compliance=NOW,
    ),
    "redemption.compliance_overdue": Notice(
        group=Group.deadlines,
        title="Clearance overdue",
        body=_WHAT + " was not decided by compliance within 12 hours.",
        rm=NOW,
        operations=NOW,
        compliance=NOW,
    ),
    "redemption.payout_warning": Notice(
        group=Group.deadlines,
        title="Payout due soon",
        body=_WHAT + " is not paid yet. {note}.",
        trader=NOW,
    ),
    "redemption.payout_breached": Notice(
        group=Group.deadlines,
        title="36-hour promise breached",
        body=_WHAT + " was not paid within 36 hours of its approval.",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
    ),
    "redemption.payout_extended": Notice(
        group=Group.deadlines,
        title="More time for a payout",
        body=_WHAT + ". {note}.",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
    ),
    "redemption.payout_paused": Notice(
        group=Group.deadlines,
        title="Payout clock paused",
        body=_WHAT + ". {note}.",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
    ),
    "redemption.payout_resumed": Notice(
        group=Group.deadlines,
        title="Payout clock runs on",
        body=_WHAT + ". {note}.",
        client=NOW,
        rm=NOW,
        trader=NOW,
        operations=NOW,
    ),
    "redemption.approval_extended": Notice(
        group=Group.deadlines,
        title="More time to approve",
        body=_WHAT + " waits for the manager. {note}.",
        approver=NOW,
        operations=NOW,
    ),
    "redemption.compliance_extended": Notice(
        group=Group.deadlines,
        title="More time for compliance",
        body=_WHAT + " waits for compliance. {note}.",
        rm=NOW,
        operations=NOW,
        compliance=NOW,
    ),
    "redemption.client_extended": Notice(
        group=Group.deadlines,
        title="More time to accept",
        body=_WHAT + " waits for the client. {note}.",
        client=NOW,
        rm=NOW,
    ),
    "redemption.clock_change_proposed": Notice(
        group=Group.deadlines,
        title="A clock waits for your decision",
        body=_WHAT + ": somebody proposed to change its {clock} clock ({change}). {note}",
        operations=NOW,
        compliance=NOW,
    ),
    "redemption.clock_change_rejected": Notice(
        group=Group.deadlines,
        title="Your proposal was rejected",
        body=_WHAT + ": its {clock} clock stays. {note}",
        proposer=NOW,
    ),
}

# Events of which nobody is told, and why.
NOT_TOLD: dict[str, str] = {
    "client.standing_recorded": "what is held because of it is told; a sanctions hit is not",
    "custody.balances_moved": "the pages that show balances follow it by themselves",
    "membership.changed": "it shows on the person's next page; who did it is in the audit",
    "nav.published": "every day's; holdings show the NAV and its age",
    "redemption.client_overdue": "redemption.lapsed follows in the same moment",
    "redemption.payout_retried": "who ordered it sees it; sent or failed follows",
    "redemption.payout_unknown": "the custodian is asked again by itself, and the 36 hours warn",
}

_ROLES: dict[Who, Role] = {
    Who.client: Role.member,
    Who.rm: Role.rm,
    Who.approver: Role.rm,
    # Operations and compliance propose to each other.
    Who.proposer: Role.operations,
    Who.trader: Role.trader,
    Who.operations: Role.operations,
    Who.compliance: Role.compliance,
}

# What a person reads beside the choice; whether it is one.
GROUPS: dict[Group | str, tuple[str, str, bool]] = {
    Group.redemptions: (
        "Redemptions",
        "Each step of a request: asked, approved, sent, paid",
        False,
    ),
    Group.clients: ("Clients", "What is recorded of a client: KYC, and what they may move", False),
    Group.deposits: ("Deposits and units", "A deposit that arrived, units that were issued", False),
    DIGEST: ("Daily digest", "What the day brought your clients, in one message", False),
    Group.deadlines: (
        "Deadlines and failed payouts",
        "What waits for an answer, what is late, what could not be paid",
        True,
    ),
    Group.security: (
        "Security of your account and your destinations",
        "Where you can be paid to, and what changed about it",
        True,
    ),
}


def _declare_groups() -> None:
    """Each group with the roles that the table gives a mail of it."""
    for key, (label, explains, is_binding) in GROUPS.items():
        roles = {
            _ROLES[who].value
            for notice in NOTICES.values()
            for who, how in notice.told()
            if how is not How.portal
            and (key == DIGEST if how is How.daily else key == notice.group)
        }
        declare_group(
            NoticeGroup(
                key=str(key),
                label=label,
                explains=explains,
                roles=frozenset(roles),
                is_binding=is_binding,
            )
        )


_declare_groups()


def matrix() -> str:
    """The table as a Markdown page."""
    lines = [
        "# Who is told what",
        "",
        "Generated from `app/domains/investments/jobs/notices.py`; `tests/architecture/test_notices.py`",
        "compares the two, and says how to write it anew.",
        "",
        "*Now* is in the portal and by mail, *portal* in the portal alone, *daily* in the digest at",
        "18:00, *large* at once where it is worth more than `LARGE_DEPOSIT_USD`. A trader hears of a",
        "redemption only while it is settled. Mail of a binding group cannot be switched off.",
        "",
        f"| event | title | group | {' | '.join(who.value for who in Who)} |",
        f"| --- | --- | --- |{' --- |' * len(Who)}",
    ]
    short = {How.at_once: "now", How.portal: "portal", How.daily: "daily", How.large: "large"}
    for event, notice in sorted(NOTICES.items()):
        told = dict(notice.told())
        cells = " | ".join(short[told[who]] if who in told else "" for who in Who)
        binding = ", binding" if GROUPS[notice.group][2] else ""
        lines.append(f"| `{event}` | {notice.title} | {notice.group}{binding} | {cells} |")
    lines += ["", "Nobody is told of these:", "", "| event | why |", "| --- | --- |"]
    lines += [f"| `{event}` | {why} |" for event, why in sorted(NOT_TOLD.items())]
    return "\n".join(lines) + "\n"
