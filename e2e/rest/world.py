"""What there must be for every operation to succeed for somebody: things of the running demo in the
states that its steps ask for, made over REST by the people who may.

`build` says who asks what to be answered with 2xx: `golden`, by operation as the document names it.
A new operation is a line there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from e2e.doors import Doors
from e2e.rest.people import API, LOGINS, People, credentials
from e2e.rest.things import Things
from tests.support.portal import Portal

CLIENT = f"{API}/investments/clients/{{client_id}}"
DEADLINE = f"{API}/deadlines/{{deadline_id}}"
REDEMPTION = f"{API}/investments/redemptions/{{redemption_id}}"


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """A request that succeeds: `login` asks it, nobody where it is empty."""

    login: str
    path: dict[str, str] = {}
    body: Any = None


class World(msgspec.Struct, frozen=True, kw_only=True):
    """`ids` are real ones, by the parameter or field that takes them. `tokens` are the logins';
    `leaving` are of people who may sign out."""

    tokens: dict[str, str]
    permissions: dict[str, list[str]]
    leaving: list[str]
    golden: dict[str, Golden]
    ids: dict[str, list[Any]]


def build(portal: Portal, doors: Doors) -> World:
    people = People(portal)
    try:
        return _Builder(people, Things(people, portal, doors)).world()
    finally:
        people.close()


class _Builder:
    def __init__(self, people: People, things: Things) -> None:
        self._people = people
        self._things = things

    def world(self) -> World:
        golden = self._golden()
        me = {login: self._people.get(login, "/me") for login in LOGINS}
        self._things.ids["to_membership_id"] += [me["rm"]["user"]["id"], me["rm2"]["user"]["id"]]
        return World(
            tokens=self._people.tokens,
            permissions={login: me[login]["permissions"] for login in LOGINS},
            leaving=[self._people.sign_in("member2")["access_token"] for _ in range(3)],
            golden=golden,
            ids=dict(self._things.ids),
        )

    def _golden(self) -> dict[str, Golden]:
        return {
            **self._identity(),
            **self._reads(),
            **self._holdings(),
            **self._clients(),
            **self._requests(),
            **self._steps(),
            **self._clocks(),
            **self._operations(),
            **self._users(),
            **self._notifications(),
        }

    # Each of these answers for one part of the document.

    def _identity(self) -> dict[str, Golden]:
        refresh_token = self._people.sign_in("member2")["refresh_token"]
        return {
            f"POST {API}/auth/login": Golden(login="", body=credentials("member")),
            f"POST {API}/auth/refresh": Golden(login="", body={"refresh_token": refresh_token}),
            f"POST {API}/auth/logout": Golden(login="leaving"),
            f"GET {API}/auth/jwks.json": Golden(login=""),
            f"GET {API}/me": Golden(login="member"),
        }

    def _reads(self) -> dict[str, Golden]:
        product, subscription = (
            next(iter(self._things.products)),
            self._things.subscriptions[0]["id"],
        )
        destination = self._things.destinations[0]["id"]
        account = self._people.get("ops", "/ledger/accounts?limit=1")[0]["id"]
        redemption = self._things.redemption("approved")
        entry = self._people.get("ops", f"/investments/redemptions/{redemption}")
        entry_id = entry["ledger_entry_ids"][0]
        approval, deadline = entry["approval_id"], entry["deadlines"][0]["id"]
        self._things.ids["product_id"] += list(self._things.products)
        self._things.ids["subscription_id"] += [row["id"] for row in self._things.subscriptions]
        self._things.ids["destination_id"] += [row["id"] for row in self._things.destinations]
        self._things.ids["account_id"].append(account)
        self._things.ids["entry_id"].append(entry_id)
        self._things.ids["approval_id"].append(approval)
        self._things.ids["deadline_id"].append(deadline)
        investments, one = f"GET {API}/investments", {"product_id": product}
        return {
            f"{investments}/products": Golden(login="member"),
            f"{investments}/products/{{product_id}}": Golden(login="member", path=one),
            f"{investments}/products/{{product_id}}/nav": Golden(login="member", path=one),
            f"{investments}/accounts": Golden(login="trader"),
            f"{investments}/prices": Golden(login="trader"),
            f"{investments}/prices/readings": Golden(login="compliance"),
            f"{investments}/subscriptions": Golden(login="member"),
            f"{investments}/subscriptions/{{subscription_id}}": Golden(
                login="member", path={"subscription_id": subscription}
            ),
            f"{investments}/destinations": Golden(login="member"),
            f"{investments}/destinations/{{destination_id}}": Golden(
                login="member", path={"destination_id": destination}
            ),
            f"{investments}/destinations/{{destination_id}}/revocation": Golden(
                login="member", path={"destination_id": destination}
            ),
            f"{investments}/redemptions": Golden(login="ops"),
            f"GET {REDEMPTION}": Golden(login="rm", path={"redemption_id": redemption}),
            **self._explanations(redemption, subscription, account),
            f"GET {API}/ledger/accounts": Golden(login="compliance"),
            f"GET {API}/ledger/entries": Golden(login="compliance"),
            f"GET {API}/ledger/accounts/{{account_id}}/balance": Golden(
                login="ops", path={"account_id": account}
            ),
            f"GET {API}/ledger/accounts/{{account_id}}/statement": Golden(
                login="compliance", path={"account_id": account}
            ),
            f"GET {API}/ledger/entries/{{entry_id}}": Golden(
                login="ops", path={"entry_id": entry_id}
            ),
            f"GET {API}/approvals": Golden(login="rm"),
            f"GET {API}/approvals/{{approval_id}}": Golden(
                login="rm", path={"approval_id": approval}
            ),
            f"GET {API}/deadlines": Golden(login="trader"),
            f"GET {API}/audit": Golden(login="compliance"),
            f"GET {API}/audit/verify": Golden(login="compliance"),
            f"GET {API}/verify": Golden(login="admin"),
            f"GET {API}/jobs/dead": Golden(login="ops"),
            f"GET {API}/system": Golden(login="ops"),
            f"GET {API}/delegations": Golden(login="rm"),
        }

    def _quoted(self, subscription: str) -> str:
        wanted = {"subscription_id": subscription, "units": "1"}
        quote = self._people.post("member", "/investments/redemptions/quote", wanted)
        self._things.ids["quote_id"].append(quote["quote_id"])
        return str(quote["quote_id"])

    def _explanations(self, redemption: str, subscription: str, account: str) -> dict[str, Golden]:
        explanations = f"GET {API}/investments/explanations"
        vault = self._things.accounts[0]["id"]
        self._things.ids["account_id"].append(vault)
        return {
            f"{explanations}/redemptions/{{redemption_id}}": Golden(
                login="rm", path={"redemption_id": redemption}
            ),
            f"{explanations}/holdings/{{subscription_id}}": Golden(
                login="member", path={"subscription_id": subscription}
            ),
            f"{explanations}/vaults/{{account_id}}": Golden(
                login="trader", path={"account_id": vault}
            ),
            f"{explanations}/quotes/{{quote_id}}": Golden(
                login="member", path={"quote_id": self._quoted(subscription)}
            ),
            f"{explanations}/allowances/{{subscription_id}}": Golden(
                login="member", path={"subscription_id": subscription}
            ),
            f"{explanations}/clients/{{client_id}}": Golden(
                login="ops", path={"client_id": self._things.subscriptions[0]["client_id"]}
            ),
            f"{explanations}/accounts/{{account_id}}": Golden(
                login="compliance", path={"account_id": account}
            ),
            f"{explanations}/totals": Golden(login="member"),
        }

    def _holdings(self) -> dict[str, Golden]:
        subscription = self._things.subscriptions[0]
        product = self._things.products[subscription["product_id"]]
        vault = self._things.vault_of(product["id"])
        deposit = {
            "client_id": subscription["client_id"],
            "staging_account_id": vault,
            "amount": product["minimum"]["amount"],
        }
        deposits = "/investments/deposits"
        confirmed = self._people.post("ops", deposits, deposit | _transaction())["id"]
        destination = {"label": "Wallet", "kind": "wallet", "asset": product["asset"]}
        destination["network"] = self._things.destinations[0]["network"] or "ethereum"
        address = f"0x{uuid4().hex}{uuid4().hex[:8]}"
        added = self._people.post(
            "member", "/investments/destinations", destination | {"address": address}
        )
        self._things.ids["staging_account_id"].append(vault)
        self._things.ids["source_account_id"] += [row["id"] for row in self._things.accounts]
        return {
            f"POST {API}{deposits}": Golden(login="ops", body=deposit | _transaction()),
            f"POST {API}/investments/subscriptions": Golden(
                login="ops",
                body={"deposit_id": confirmed, "term_months": product["terms"][0]["months"]},
            ),
            f"POST {API}/investments/destinations": Golden(
                login="member", body=destination | {"address": f"0x{uuid4().hex}{uuid4().hex[:8]}"}
            ),
            f"POST {API}/investments/destinations/{{destination_id}}/revoke": Golden(
                login="member", path={"destination_id": added["id"]}
            ),
        }

    def _clients(self) -> dict[str, Golden]:
        """Of the other client: whoever is barred can ask for nothing any more."""
        held = self._people.get("member2", "/investments/subscriptions?limit=1")
        client = {"client_id": held[0]["client_id"]}
        self._things.ids["client_id"].append(client["client_id"])
        passed = {
            "kyc": "passed",
            "valid_until": self._things.day(days=300),
            "note": "Documents seen",
        }
        return {
            f"GET {API}/investments/clients": Golden(login="rm"),
            f"GET {CLIENT}": Golden(login="ops", path=client),
            f"GET {CLIENT}/standing": Golden(login="compliance", path=client),
            f"GET {API}/investments/kyc": Golden(login="compliance"),
            f"POST {CLIENT}/kyc": Golden(login="compliance", path=client, body=passed),
            f"POST {CLIENT}/standing": Golden(
                login="compliance", path=client, body={"standing": "good", "note": "In order"}
            ),
            f"POST {CLIENT}/tier": Golden(
                login="ops", path=client, body={"tier": "institutional", "note": "Asked for it"}
            ),
        }

    def _requests(self) -> dict[str, Golden]:
        asked = self._things.asked()
        quoted = {name: asked[name] for name in ("subscription_id", "units")}
        return {
            f"POST {API}/investments/redemptions/quote": Golden(login="member", body=quoted),
            f"POST {API}/investments/redemptions": Golden(login="member", body=asked),
        }

    def _steps(self) -> dict[str, Golden]:
        note = {"note": "Said so"}
        to = {"to_membership_id": self._people.get("rm2", "/me")["user"]["id"], "note": "Away"}
        # The price moves for what was asked before; the other states come after it.
        awaiting = self._things.awaiting_client()
        failed = self._things.payout_failed()
        approved = self._things.redemption("approved")
        source = {"source_account_id": self._things.vault_for(approved)}
        decided = self._people.get("rm", f"/investments/redemptions/{self._things.redemption()}")
        steps: dict[str, tuple[str, str, Any]] = {
            "approve": ("rm", self._things.redemption(), note),
            "reject": ("rm", self._things.redemption(), note),
            "cancel": ("member", self._things.redemption(), None),
            "reassign": ("ops", self._things.redemption(), to),
            "clear": ("compliance", self._things.redemption("pending_compliance"), note),
            "decline": ("compliance", self._things.redemption("pending_compliance"), note),
            "accept": ("member", awaiting, None),
            "ready": ("trader", approved, source),
            "hold": ("compliance", self._things.redemption("approved"), note),
            "resume": ("compliance", self._things.redemption("on_hold"), note),
            "cancel-held": ("compliance", self._things.redemption("on_hold"), note),
            "retry-payout": ("trader", failed, None),
        }
        return {
            f"POST {API}/approvals/{{approval_id}}/decisions": Golden(
                login="rm",
                path={"approval_id": decided["approval_id"]},
                body={"decision": "approve", "note": "Said so"},
            ),
            **{
                f"POST {REDEMPTION}/{step}": Golden(
                    login=login, path={"redemption_id": redemption}, body=body
                )
                for step, (login, redemption, body) in steps.items()
            },
        }

    def _clocks(self) -> dict[str, Golden]:
        reason = {"reason": "The custodian is closed"}
        running = self._things.payout_clock(self._things.redemption("approved"))
        held = self._things.payout_clock(self._things.redemption("on_hold"))
        paused = self._things.payout_clock(self._things.redemption("on_hold"))
        asked = self._people.post("compliance", f"/deadlines/{paused['id']}/pause", reason)
        self._people.post(
            "ops", f"/approvals/{asked['approval_id']}/decisions", {"decision": "approve"}
        )
        later = datetime.fromisoformat(running["due_at"]) + timedelta(hours=1)
        self._things.ids["deadline_id"] += [running["id"], held["id"], paused["id"]]
        self._things.ids["reason"] = [reason["reason"]]
        return {
            f"GET {DEADLINE}": Golden(login="trader", path={"deadline_id": running["id"]}),
            f"POST {DEADLINE}/extensions": Golden(
                login="ops",
                path={"deadline_id": running["id"]},
                body=reason | {"due_at": later.isoformat()},
            ),
            f"POST {DEADLINE}/pause": Golden(
                login="compliance", path={"deadline_id": held["id"]}, body=reason
            ),
            f"POST {DEADLINE}/resume": Golden(
                login="compliance", path={"deadline_id": paused["id"]}, body=reason
            ),
        }

    def _operations(self) -> dict[str, Golden]:
        rm2 = self._people.get("rm2", "/me")["user"]["id"]
        lent = {
            "to_membership_id": rm2,
            "permissions": ["redemption:approve"],
            "starts_at": "2099-01-01T00:00:00Z",
            "ends_at": "2099-01-02T00:00:00Z",
        }
        delegation = self._people.post("rm", "/delegations", lent)[0]["id"]
        job, given_up, looked_at = (self._things.dead_job() for _ in range(3))
        self._things.ids["delegation_id"].append(delegation)
        self._things.ids["job_id"].append(job)
        return {
            f"POST {API}/delegations": Golden(login="rm", body=lent),
            f"POST {API}/delegations/{{delegation_id}}/revoke": Golden(
                login="rm", path={"delegation_id": delegation}
            ),
            f"POST {API}/jobs/{{job_id}}/rerun": Golden(login="ops", path={"job_id": job}),
            f"GET {API}/jobs/dead/{{job_id}}": Golden(login="ops", path={"job_id": looked_at}),
            f"POST {API}/jobs/{{job_id}}/discard": Golden(
                login="ops", path={"job_id": given_up}, body={"reason": "Nobody needs it"}
            ),
            f"POST {API}/demo/clock": Golden(login="admin", body={"advance_seconds": 1}),
        }

    def _users(self) -> dict[str, Golden]:
        one = {"membership_id": self._things.bystander()}
        self._things.ids["membership_id"] += one.values()
        self._things.ids["role"] += ["rm", "trader"]
        path = f"{API}/users/{{membership_id}}"
        return {
            f"GET {API}/users": Golden(login="admin"),
            f"GET {path}": Golden(login="admin", path=one),
            f"POST {path}/role": Golden(login="admin", path=one, body={"role": "trader"}),
            f"POST {path}/deactivate": Golden(login="admin", path=one),
            f"POST {path}/reactivate": Golden(login="admin", path=one),
        }

    def _notifications(self) -> dict[str, Golden]:
        notifications, digest = f"{API}/notifications", self._things.digest()
        self._things.ids["digest_id"].append(digest)
        self._things.ids["by_mail"] = [["digest"], []]
        return {
            f"GET {notifications}": Golden(login="rm"),
            f"POST {notifications}/read": Golden(login="rm", body={}),
            f"GET {notifications}/digests/{{digest_id}}": Golden(
                login="rm", path={"digest_id": digest}
            ),
            f"GET {notifications}/preferences": Golden(login="rm"),
            f"PUT {notifications}/preferences": Golden(login="rm", body={"by_mail": ["digest"]}),
        }


def _transaction() -> dict[str, str]:
    return {"transaction_reference": f"rest {uuid4()}"}
