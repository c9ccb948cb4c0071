"""What there must be for every operation to succeed for somebody: things of the running demo in the
states that its steps ask for, made over REST by the people who may.

`build` says who asks what to be answered with 2xx: `golden`, by operation as the document names it.
A new operation is a line there.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from app.embedded.demo_accounts import DEMO_PASSWORD
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, start_pool, stop_pool, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from app.registry import load
from e2e.doors import Doors
from e2e.pages.sign_in import TENANT
from tests.support.portal import Portal

LOGINS = ("member", "member2", "rm", "rm2", "trader", "trader2", "ops", "compliance", "admin")
API = "/api/v1"
CLIENT = f"{API}/investments/clients/{{client_id}}"
REDEMPTION = f"{API}/investments/redemptions/{{redemption_id}}"
_PAYOUT_SECONDS = 20


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
    people = _People(portal)
    try:
        return _Builder(people, portal, doors).world()
    finally:
        people.close()


class _People:
    """The demo's people at their REST clients."""

    def __init__(self, portal: Portal) -> None:
        self.http = httpx.Client(base_url=f"{portal.url}{API}", trust_env=False, timeout=30)
        self.tokens = {login: self.sign_in(login)["access_token"] for login in LOGINS}

    def close(self) -> None:
        self.http.close()

    def sign_in(self, login: str) -> dict[str, str]:
        answer = self.http.post("/auth/login", json=credentials(login))
        found: dict[str, str] = answer.raise_for_status().json()
        return found

    def get(self, login: str, path: str) -> Any:
        answer = self.http.get(path, headers={"Authorization": f"Bearer {self.tokens[login]}"})
        return answer.raise_for_status().json()["data"]

    def post(self, login: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.http.post(
            path,
            json=body,
            headers={
                "Authorization": f"Bearer {self.tokens[login]}",
                "Idempotency-Key": uuid4().hex,
            },
        )
        assert answer.is_success, (login, path, answer.text)
        return answer.json()["data"]


def credentials(login: str) -> dict[str, str]:
    return {"tenant": TENANT, "email": f"{login}@{TENANT}.example", "password": DEMO_PASSWORD}


class _Builder:
    """Of `member`, whose relationship manager is `rm`."""

    def __init__(self, people: _People, portal: Portal, doors: Doors) -> None:
        self._people = people
        self._portal = portal
        self._doors = doors
        self._products = {row["id"]: row for row in people.get("member", "/investments/products")}
        self._subscriptions = people.get("member", "/investments/subscriptions")
        self._destinations = people.get("member", "/investments/destinations")
        self._accounts = people.get("ops", "/investments/accounts")
        self._ids: dict[str, list[Any]] = defaultdict(list)
        # What a schema cannot say, and is refused by a rule of the field otherwise.
        self._ids |= {
            "note": ["Said so"],
            "units": ["1", "0.5"],
            "fraction": ["0.001"],
            "kind": ["wallet", "bank"],
            "asset": sorted({product["asset"] for product in self._products.values()}),
            "network": ["ethereum"],
            "permissions": [["redemption:approve"]],
        }

    def world(self) -> World:
        golden = self._golden()
        me = {login: self._people.get(login, "/me") for login in LOGINS}
        self._ids["to_membership_id"] += [me["rm"]["user"]["id"], me["rm2"]["user"]["id"]]
        return World(
            tokens=self._people.tokens,
            permissions={login: me[login]["permissions"] for login in LOGINS},
            leaving=[self._people.sign_in("member2")["access_token"] for _ in range(3)],
            golden=golden,
            ids=dict(self._ids),
        )

    def _golden(self) -> dict[str, Golden]:
        return {
            **self._identity(),
            **self._reads(),
            **self._holdings(),
            **self._clients(),
            **self._requests(),
            **self._steps(),
            **self._operations(),
            **self._clients(),
        }

    # Each of these answers the requests of one part of the document.

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
        product, subscription = next(iter(self._products)), self._subscriptions[0]["id"]
        destination = self._destinations[0]["id"]
        account = self._people.get("ops", "/ledger/accounts?limit=1")[0]["id"]
        redemption = self._redemption("approved")
        entry = self._people.get("ops", f"/investments/redemptions/{redemption}")
        entry_id = entry["ledger_entry_ids"][0]
        approval, deadline = entry["approval_id"], entry["deadlines"][0]["id"]
        self._ids["product_id"] += list(self._products)
        self._ids["subscription_id"] += [row["id"] for row in self._subscriptions]
        self._ids["destination_id"] += [row["id"] for row in self._destinations]
        self._ids["account_id"].append(account)
        self._ids["entry_id"].append(entry_id)
        self._ids["approval_id"].append(approval)
        self._ids["deadline_id"].append(deadline)
        investments, one = f"GET {API}/investments", {"product_id": product}
        return {
            f"{investments}/products": Golden(login="member"),
            f"{investments}/products/{{product_id}}": Golden(login="member", path=one),
            f"{investments}/products/{{product_id}}/nav": Golden(login="member", path=one),
            f"{investments}/accounts": Golden(login="trader"),
            f"{investments}/subscriptions": Golden(login="member"),
            f"{investments}/subscriptions/{{subscription_id}}": Golden(
                login="member", path={"subscription_id": subscription}
            ),
            f"{investments}/destinations": Golden(login="member"),
            f"{investments}/destinations/{{destination_id}}": Golden(
                login="member", path={"destination_id": destination}
            ),
            f"{investments}/redemptions": Golden(login="ops"),
            f"GET {REDEMPTION}": Golden(login="rm", path={"redemption_id": redemption}),
            f"GET {API}/ledger/accounts": Golden(login="compliance"),
            f"GET {API}/ledger/accounts/{{account_id}}/balance": Golden(
                login="ops", path={"account_id": account}
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
            f"GET {API}/delegations": Golden(login="rm"),
        }

    def _holdings(self) -> dict[str, Golden]:
        subscription = self._subscriptions[0]
        product = self._products[subscription["product_id"]]
        vault = self._vault_of(product["id"])
        deposit = {
            "client_id": subscription["client_id"],
            "staging_account_id": vault,
            "amount": product["minimum"]["amount"],
        }
        deposits = "/investments/deposits"
        confirmed = self._people.post("ops", deposits, deposit | _transaction())["id"]
        destination = {"label": "Wallet", "kind": "wallet", "asset": product["asset"]}
        destination["network"] = self._destinations[0]["network"] or "ethereum"
        address = f"0x{uuid4().hex}"
        added = self._people.post(
            "member", "/investments/destinations", destination | {"address": address}
        )
        self._ids["staging_account_id"].append(vault)
        self._ids["source_account_id"] += [row["id"] for row in self._accounts]
        return {
            f"POST {API}{deposits}": Golden(login="ops", body=deposit | _transaction()),
            f"POST {API}/investments/subscriptions": Golden(
                login="ops",
                body={"deposit_id": confirmed, "term_months": product["terms"][0]["months"]},
            ),
            f"POST {API}/investments/destinations": Golden(
                login="member", body=destination | {"address": f"0x{uuid4().hex}"}
            ),
            f"POST {API}/investments/destinations/{{destination_id}}/revoke": Golden(
                login="member", path={"destination_id": added["id"]}
            ),
        }

    def _clients(self) -> dict[str, Golden]:
        """Of the other client: whoever is barred can ask for nothing any more."""
        held = self._people.get("member2", "/investments/subscriptions?limit=1")
        client = {"client_id": held[0]["client_id"]}
        self._ids["client_id"].append(client["client_id"])
        passed = {"kyc": "passed", "valid_until": self._day(days=300), "note": "Documents seen"}
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

    def _day(self, *, days: int) -> str:
        """So many days from the portal's today."""
        found = self._people.http.get(
            "/me", headers={"Authorization": f"Bearer {self._people.tokens['member']}"}
        )
        now = datetime.fromisoformat(found.json()["meta"]["timestamp"])
        return (now.date() + timedelta(days=days)).isoformat()

    def _requests(self) -> dict[str, Golden]:
        asked = self._asked()
        quoted = {name: asked[name] for name in ("subscription_id", "units")}
        return {
            f"POST {API}/investments/redemptions/quote": Golden(login="member", body=quoted),
            f"POST {API}/investments/redemptions": Golden(login="member", body=asked),
        }

    def _steps(self) -> dict[str, Golden]:
        note = {"note": "Said so"}
        to = {"to_membership_id": self._people.get("rm2", "/me")["user"]["id"], "note": "Away"}
        # The price moves for what was asked before; the other states come after it.
        awaiting = self._awaiting_client()
        failed = self._payout_failed()
        approved = self._redemption("approved")
        source = {"source_account_id": self._vault_for(approved)}
        decided = self._people.get("rm", f"/investments/redemptions/{self._redemption()}")
        steps: dict[str, tuple[str, str, Any]] = {
            "approve": ("rm", self._redemption(), note),
            "reject": ("rm", self._redemption(), note),
            "cancel": ("member", self._redemption(), None),
            "reassign": ("ops", self._redemption(), to),
            "clear": ("compliance", self._redemption("pending_compliance"), note),
            "decline": ("compliance", self._redemption("pending_compliance"), note),
            "accept": ("member", awaiting, None),
            "ready": ("trader", approved, source),
            "hold": ("compliance", self._redemption("approved"), note),
            "resume": ("compliance", self._redemption("on_hold"), note),
            "cancel-held": ("compliance", self._redemption("on_hold"), note),
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

    def _operations(self) -> dict[str, Golden]:
        rm2 = self._people.get("rm2", "/me")["user"]["id"]
        lent = {
            "to_membership_id": rm2,
            "permissions": ["redemption:approve"],
            "starts_at": "2099-01-01T00:00:00Z",
            "ends_at": "2099-01-02T00:00:00Z",
        }
        delegation = self._people.post("rm", "/delegations", lent)[0]["id"]
        job = self._dead_job()
        self._ids["delegation_id"].append(delegation)
        self._ids["job_id"].append(job)
        return {
            f"POST {API}/delegations": Golden(login="rm", body=lent),
            f"POST {API}/delegations/{{delegation_id}}/revoke": Golden(
                login="rm", path={"delegation_id": delegation}
            ),
            f"POST {API}/jobs/{{job_id}}/rerun": Golden(login="ops", path={"job_id": job}),
            f"POST {API}/demo/clock": Golden(login="admin", body={"advance_seconds": 1}),
        }

    def _clients(self) -> dict[str, Golden]:
        """Of `member2`'s: what is recorded of whoever asks to redeem would refuse them that."""
        other = {"client_id": self._people.get("rm2", "/investments/clients")[0]["id"]}
        clients = f"{API}/investments/clients/{{client_id}}"
        note = {"note": "Said so"}
        return {
            f"GET {API}/investments/kyc": Golden(login="compliance"),
            f"GET {clients}/standing": Golden(login="rm2", path=other),
            f"POST {clients}/kyc": Golden(
                login="compliance", path=other, body=note | {"kyc": "lapsed"}
            ),
            f"POST {clients}/standing": Golden(
                login="compliance", path=other, body=note | {"standing": "good"}
            ),
            f"POST {clients}/tier": Golden(
                login="ops", path=other, body=note | {"tier": "institutional"}
            ),
        }

    # Redemptions in the states that the steps ask for.

    def _asked(self, kind: str = "") -> dict[str, str]:
        """A request for a little of a subscription that has a destination for its asset."""
        usable = {row["asset"]: row["id"] for row in self._destinations if row["state"] == "usable"}
        for row in self._subscriptions:
            product = self._products[row["product_id"]]
            if product["asset"] in usable and kind in ("", product["kind"]):
                return {
                    "subscription_id": row["id"],
                    "units": "20",
                    "destination_id": usable[product["asset"]],
                }
        raise AssertionError("the demo's member has nothing to redeem")

    def _redemption(self, state: str = "pending_approval", kind: str = "") -> str:
        asked = self._people.post("member", "/investments/redemptions", self._asked(kind))
        redemption: str = asked["id"]
        self._ids["redemption_id"].append(redemption)
        if state != "pending_approval":
            self._decide(redemption, until=state)
        if state == "on_hold":
            self._step("compliance", redemption, "hold", {"note": "Sanctions hit"})
        return redemption

    def _decide(self, redemption: str, *, until: str) -> None:
        """The manager approves, and compliance clears what it is asked about."""
        state = self._step("rm", redemption, "approve", {"note": ""})
        if state == "pending_compliance" and until != "pending_compliance":
            self._step("compliance", redemption, "clear", {"note": ""})

    def _awaiting_client(self) -> str:
        asked = self._redemption(kind="nav_units")
        row = next(
            row
            for row in self._subscriptions
            if row["id"] == self._asked("nav_units")["subscription_id"]
        )
        self._doors.move_nav(self._products[row["product_id"]]["name"], by=Decimal("0.02"))
        self._decide(asked, until="awaiting_client")
        return asked

    def _payout_failed(self) -> str:
        redemption = self._redemption("approved")
        self._doors.next_payout("refuse")
        source = self._vault_for(redemption)
        self._step("trader", redemption, "ready", {"source_account_id": source})
        until = time.monotonic() + _PAYOUT_SECONDS
        while time.monotonic() < until:
            found = self._people.get("ops", f"/investments/redemptions/{redemption}")
            if found["state"] == "payout_failed":
                return redemption
            time.sleep(0.1)
        raise AssertionError("the custodian did not refuse the payout in time")

    def _step(self, login: str, redemption: str, step: str, body: dict[str, Any]) -> str:
        moved = self._people.post(login, f"/investments/redemptions/{redemption}/{step}", body)
        state: str = moved["state"]
        return state

    def _vault_for(self, redemption: str) -> str:
        found = self._people.get("ops", f"/investments/redemptions/{redemption}")
        return self._vault_of(found["product_id"])

    def _vault_of(self, product_id: str) -> str:
        vault: str = next(
            row["id"]
            for row in self._accounts
            if row["product_id"] == product_id and row["kind"] == "staging_vault"
        )
        return vault

    def _dead_job(self) -> str:
        """No person can break a job: it is put there as though it had failed for good."""
        tenant_id = self._people.get("admin", "/me")["tenant"]["id"]

        async def put() -> str:
            load()
            await start_pool(self._portal.environment["DATABASE_URL"], size=1)
            try:
                async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
                    job = await enqueue(kind="yield.accrue", payload={"product_id": str(new_id())})
                    await execute(
                        "UPDATE job SET state = 'dead', finished_at = now(), failures = 8,"
                        " last_error = 'It broke' WHERE id = $1",
                        job,
                    )
                return str(job)
            finally:
                await stop_pool()

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(lambda: asyncio.run(put())).result()


def _transaction() -> dict[str, str]:
    return {"transaction_reference": f"rest {uuid4()}"}
