"""Who may do what, to which redemption, by which route: the rules that the access matrix checks.

Written down here once more, on purpose: nothing of it is read from the portal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.investments.values import RedemptionState as State
from tests.support.desk import Desk

STAFF = frozenset({"rm", "trader", "operations", "compliance"})
SETTLED_BY_TRADERS = frozenset(
    {State.approved, State.ready, State.in_transit, State.completed, State.payout_failed}
)
REFUSED = frozenset({"sign in", "forbidden", "not there", "conflict"})


@dataclass(frozen=True)
class Things:
    """The ids that the routes of one desk's redemption are asked about."""

    redemption: UUID
    approval: UUID
    subscription: UUID
    product: UUID
    entry: UUID
    account: UUID
    staging: UUID
    job: UUID
    delegation: UUID
    quote: UUID
    destination: UUID
    deadline: UUID
    later: datetime
    digest: UUID
    holding: UUID
    other_manager: UUID
    client: UUID
    user: UUID


@dataclass(frozen=True)
class Route:
    """`names` is what the id in the path names; `may` the roles; `legal` the states of a step."""

    names: str
    may: frozenset[str]
    legal: frozenset[State] = frozenset(State)
    body: Callable[[Things], dict[str, Any]] | None = None

    def path_to(self, path: str, thing: UUID) -> str:
        head, _, rest = path.partition("{")
        return f"{head}{thing}{rest.partition('}')[2]}"


_MEMBER, _RM, _TRADER = frozenset({"member"}), frozenset({"rm"}), frozenset({"trader"})
_READERS = STAFF | _MEMBER
_EVERYBODY = _READERS | {"admin"}
_PENDING = frozenset({State.pending_approval})
_LEDGER = frozenset({"operations", "compliance"})
_COMPLIANCE = frozenset({"compliance"})
_OPERATIONS = frozenset({"operations"})
_BOOK = _RM | _LEDGER
_OFFERED, _HELD = frozenset({State.awaiting_client}), frozenset({State.on_hold})
_CLEARING = frozenset({State.pending_compliance})
_HOLDABLE = _PENDING | _CLEARING | _OFFERED | {State.approved, State.ready, State.payout_failed}


def _portion(things: Things) -> dict[str, Any]:
    return {"by": "units", "units": "1"}


def _note(things: Things) -> dict[str, Any]:
    return {"note": "Said so"}


def _source(things: Things) -> dict[str, Any]:
    return {"source_account_id": str(things.staging)}


def _manager(things: Things) -> dict[str, Any]:
    return {"to_membership_id": str(things.other_manager), "note": "Away"}


def _kyc(things: Things) -> dict[str, Any]:
    return {"kyc": "refused", "note": "Said so"}


def _standing(things: Things) -> dict[str, Any]:
    return {"standing": "deceased", "note": "Said so"}


def _tier(things: Things) -> dict[str, Any]:
    return {"tier": "premier", "note": "Said so"}


def _extension(things: Things) -> dict[str, Any]:
    return {"due_at": things.later.isoformat(), "reason": "Slow"}


def _reason(things: Things) -> dict[str, Any]:
    return {"reason": "Sanctions check"}


def _vote(things: Things) -> dict[str, Any]:
    return {"approval_id": str(things.approval), "note": "Looked at it"}


def _role(things: Things) -> dict[str, Any]:
    return {"role": "trader"}


def _decision(things: Things) -> dict[str, Any]:
    return {"decision": "approve", "note": ""}


_STEPS = {
    "approve": Route("redemption", _RM, _PENDING, _note),
    "reject": Route("redemption", _RM, _PENDING, _note),
    "clear": Route("redemption", _COMPLIANCE, _CLEARING, _note),
    "decline": Route("redemption", _COMPLIANCE, _CLEARING, _note),
    "cancel": Route("redemption", _MEMBER, _PENDING | _CLEARING | _OFFERED),
    "accept": Route("redemption", _MEMBER, _OFFERED),
    "hold": Route("redemption", _COMPLIANCE, _HOLDABLE, _note),
    "resume": Route("redemption", _COMPLIANCE, _HELD, _note),
    "cancel-held": Route("redemption", _COMPLIANCE, _HELD, _note),
    "reassign": Route("redemption", frozenset({"operations"}), _PENDING, _manager),
    "ready": Route("redemption", _TRADER, frozenset({State.approved}), _source),
    "retry-payout": Route("redemption", _TRADER | {"operations"}, frozenset({State.payout_failed})),
}
_PAGE, _REST = "/redemptions/{redemption_id}", "/api/v1/investments/redemptions/{redemption_id}"

_CLIENT_REST = "/api/v1/investments/clients/{client_id}"
_EXPLAIN = ("/explain", "/api/v1/investments/explanations")
_ON_REDEMPTION = Route("redemption", _READERS)
_ON_HOLDING = Route("holding", _READERS)
_ON_VAULT = Route("staging", _TRADER | {"operations"})

# Every route with an id in its path. A test fails for one that is not here.
MATRIX: dict[tuple[str, str], Route] = {
    ("GET", "/subscriptions/{subscription_id}/redeem"): Route("subscription", _MEMBER),
    ("POST", "/subscriptions/{subscription_id}/redeem"): Route(
        "subscription", _MEMBER, body=_portion
    ),
    ("GET", "/deadlines/{deadline_id}"): Route("deadline", STAFF),
    ("POST", "/deadlines/{deadline_id}/extend"): Route("deadline", _OPERATIONS, body=_extension),
    ("POST", "/deadlines/{deadline_id}/extensions"): Route(
        "deadline", _OPERATIONS, body=_extension
    ),
    ("POST", "/deadlines/{deadline_id}/pause"): Route("deadline", _COMPLIANCE, body=_reason),
    ("POST", "/deadlines/{deadline_id}/resume"): Route("deadline", _COMPLIANCE, body=_reason),
    ("POST", "/deadlines/{deadline_id}/approve"): Route("deadline", _LEDGER, body=_vote),
    ("POST", "/deadlines/{deadline_id}/reject"): Route("deadline", _LEDGER, body=_vote),
    ("GET", "/api/v1/deadlines/{deadline_id}"): Route("deadline", STAFF),
    ("POST", "/api/v1/deadlines/{deadline_id}/extensions"): Route(
        "deadline", _OPERATIONS, body=_extension
    ),
    ("POST", "/api/v1/deadlines/{deadline_id}/pause"): Route("deadline", _COMPLIANCE, body=_reason),
    ("POST", "/api/v1/deadlines/{deadline_id}/resume"): Route(
        "deadline", _COMPLIANCE, body=_reason
    ),
    **{
        (method, f"{start}/users/{{membership_id}}{end}"): Route(
            "user", frozenset({"admin"}), body=_role if end == "/role" else None
        )
        for start in ("", "/api/v1")
        for method, end in (
            ("GET", ""),
            ("POST", "/role"),
            ("POST", "/deactivate"),
            ("POST", "/reactivate"),
        )
    },
    ("GET", "/clients/{client_id}"): Route("client", _BOOK),
    ("GET", "/clients/{client_id}/standing"): Route("client", _BOOK),
    ("GET", f"{_CLIENT_REST}/standing"): Route("client", _BOOK),
    **{
        ("POST", f"{start}/{what}"): Route("client", may, body=body)
        for start in ("/clients/{client_id}", _CLIENT_REST)
        for what, may, body in (
            ("kyc", _COMPLIANCE, _kyc),
            ("standing", _COMPLIANCE, _standing),
            ("tier", frozenset({"operations"}), _tier),
        )
    },
    # Nothing waits: whoever may decide is told so.
    ("POST", "/clients/{client_id}/tier/approve"): Route("client", _COMPLIANCE, frozenset(), _note),
    ("POST", "/clients/{client_id}/tier/reject"): Route("client", _COMPLIANCE, frozenset(), _note),
    ("GET", "/api/v1/investments/clients/{client_id}"): Route("client", _BOOK),
    ("GET", "/notifications/digests/{digest_id}"): Route("digest", _EVERYBODY),
    ("GET", "/api/v1/notifications/digests/{digest_id}"): Route("digest", _EVERYBODY),
    **{("GET", f"{start}/redemptions/{{redemption_id}}"): _ON_REDEMPTION for start in _EXPLAIN},
    **{("GET", f"{start}/holdings/{{subscription_id}}"): _ON_HOLDING for start in _EXPLAIN},
    **{("GET", f"{start}/vaults/{{account_id}}"): _ON_VAULT for start in _EXPLAIN},
    **{("GET", f"{start}/quotes/{{quote_id}}"): Route("quote", _MEMBER) for start in _EXPLAIN},
    **{
        ("GET", f"{start}/allowances/{{subscription_id}}"): Route("subscription", _MEMBER)
        for start in _EXPLAIN
    },
    ("GET", "/explain/clients/{client_id}"): Route("client", _BOOK),
    ("GET", "/api/v1/investments/explanations/clients/{client_id}"): Route("client", _BOOK),
    **{
        ("GET", f"{start}/accounts/{{account_id}}"): Route("account", _LEDGER) for start in _EXPLAIN
    },
    ("GET", _PAGE): Route("redemption", _READERS),
    ("GET", _REST): Route("redemption", _READERS),
    **{("POST", f"{_PAGE}/{step}"): route for step, route in _STEPS.items()},
    **{("POST", f"{_REST}/{step}"): route for step, route in _STEPS.items()},
    ("GET", "/products/{product_id}"): Route("product", _EVERYBODY),
    ("GET", "/api/v1/investments/products/{product_id}"): Route("product", _EVERYBODY),
    ("GET", "/api/v1/investments/products/{product_id}/nav"): Route("product", _EVERYBODY),
    ("GET", "/ledger/accounts/{account_id}"): Route("account", _LEDGER),
    ("POST", "/ledger/accounts/{account_id}/export"): Route("account", _LEDGER),
    ("GET", "/ledger/entries/{entry_id}"): Route("entry", _LEDGER | _MEMBER),
    ("GET", "/api/v1/ledger/accounts/{account_id}/balance"): Route("account", _LEDGER),
    ("GET", "/api/v1/ledger/accounts/{account_id}/statement"): Route("account", _LEDGER),
    ("GET", "/api/v1/ledger/entries/{entry_id}"): Route("entry", _LEDGER | _MEMBER),
    ("GET", "/api/v1/approvals/{approval_id}"): Route("approval", STAFF - _TRADER),
    ("POST", "/api/v1/approvals/{approval_id}/decisions"): Route(
        "approval", _RM | {"compliance", "operations"}, _PENDING | _CLEARING, _decision
    ),
    ("GET", "/api/v1/investments/subscriptions/{subscription_id}"): Route("subscription", _READERS),
    ("GET", "/destinations/{destination_id}"): Route("destination", _MEMBER),
    ("GET", "/api/v1/investments/destinations/{destination_id}/revocation"): Route(
        "destination", _MEMBER
    ),
    ("POST", "/destinations/{destination_id}/revoke"): Route("destination", _MEMBER),
    ("GET", "/api/v1/investments/destinations/{destination_id}"): Route("destination", _MEMBER),
    ("POST", "/api/v1/investments/destinations/{destination_id}/revoke"): Route(
        "destination", _MEMBER
    ),
    ("POST", "/api/v1/jobs/{job_id}/rerun"): Route("job", frozenset({"operations"})),
    ("POST", "/jobs/{job_id}/rerun"): Route("job", frozenset({"operations"})),
    ("GET", "/jobs/{job_id}/discard"): Route("job", _OPERATIONS),
    ("POST", "/jobs/{job_id}/discard"): Route("job", _OPERATIONS, body=_reason),
    ("GET", "/api/v1/jobs/dead/{job_id}"): Route("job", _OPERATIONS),
    ("POST", "/api/v1/jobs/{job_id}/discard"): Route("job", _OPERATIONS, body=_reason),
    ("POST", "/api/v1/delegations/{delegation_id}/revoke"): Route(
        "delegation", _RM | {"compliance"}
    ),
}


def expected(method: str, path: str, *, login: str, desk: Desk, owner: Desk, state: State) -> str:
    """What this person must get: sign in, forbidden, not there, conflict, or `yes`."""
    route = MATRIX[method, path]
    role = desk.people[login].role
    if role not in route.may:
        return "forbidden"
    if desk is not owner or not _sees(route.names, login, role, state):
        # Who settles is told why it cannot be done yet; the page of it is not there.
        tells_why = desk is owner and role == "trader" and path.startswith(_REST)
        return "conflict" if method == "POST" and tells_why else "not there"
    if method == "GET":
        return "yes"
    if route.names == "approval" and state is State.on_hold:
        return "conflict"  # whoever asks: nothing is decided until it is resumed
    if route.names == "approval" and role != ("compliance" if state in _CLEARING else "rm"):
        return "forbidden"  # seen, and somebody else's to decide
    return "yes" if state in route.legal else "conflict"


def _sees(what: str, login: str, role: str, state: State) -> bool:
    """Within the tenant: a member their own, a manager their clients', a trader what is settled."""
    if what in ("product", "staging"):
        return True
    if what == "holding" and role == "trader":
        return True
    if what in ("delegation", "digest"):
        return login == "rm"  # whose it is
    if role == "trader" and what == "subscription":
        return True  # of every client: what there is to pay one day
    if role == "trader":
        return state in SETTLED_BY_TRADERS
    return login in ("member", "rm") or role not in ("member", "rm")
