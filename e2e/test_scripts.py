"""Code through every field that takes text, as the browser gets it back: nothing runs, and the content
security policy is never needed.

Which fields there are is read from the OpenAPI document and from the pages' own forms: a new one is
attacked, or fails the suite.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page

from e2e.conftest import Known
from e2e.doors import Doors
from e2e.rest.people import API, People
from e2e.rest.things import Things
from tests.support.portal import Portal

# Leaves an attribute, an element and a template's braces, whichever it stands in; 63 characters.
SCRIPT = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"
_STEP = f"{API}/investments/redemptions/{{redemption_id}}"
_CLIENT = f"{API}/investments/clients/{{client_id}}"
_DEADLINE = f"{API}/deadlines/{{deadline_id}}"
# Where `plant` sends it.
PLANTED = {
    f"POST {API}/investments/destinations label",
    f"POST {API}/investments/deposits transaction_reference",
    *(
        f"POST {_STEP}/{step} note"
        for step in (
            *("approve", "reject", "clear", "decline", "hold", "resume", "cancel-held"),
            *("reassign", "ready"),
        )
    ),
    *(f"POST {_CLIENT}/{what} note" for what in ("kyc", "standing", "tier")),
    f"POST {API}/approvals/{{approval_id}}/decisions note",
    *(f"POST {_DEADLINE}/{what} reason" for what in ("extensions", "pause", "resume")),
    f"POST {API}/jobs/{{job_id}}/discard reason",
}
# Refused unless it is one of ours, a figure, a day, an address or a credential: never kept as typed.
READ_STRICTLY = {
    *(f"POST {API}/auth/login {name}" for name in ("tenant", "email", "password", "otp")),
    f"POST {API}/auth/refresh refresh_token",
    f"POST {API}/users/{{membership_id}}/role role",
    *(
        f"POST {API}/investments/destinations {name}"
        for name in ("kind", "asset", "address", "network")
    ),
    f"POST {API}/investments/deposits amount",
    *(
        f"POST {API}/investments/{path} {name}"
        for path in ("redemptions", "redemptions/quote")
        for name in ("fraction", "units")
    ),
    f"POST {_CLIENT}/kyc valid_until",
}
_WATCH = """
    window.broken = [];
    addEventListener("securitypolicyviolation", event =>
        window.broken.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""
# Whatever only markup of ours may be: the payload's own elements, and handlers in attributes.
_ALIVE = """() => [
    ...window.broken,
    ...[...document.querySelectorAll("img[src=x], script:not([src])")].map(one => one.outerHTML),
    ...[...document.querySelectorAll("*")].filter(one =>
        [...one.attributes].some(attribute => attribute.name.startsWith("on"))).map(one => one.outerHTML),
]"""


def free_text(document: dict[str, Any]) -> Iterator[str]:
    """`METHOD path field` of each field of a body that takes any string."""
    schemas = document["components"]["schemas"]

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return resolved(schemas[schema["$ref"].rsplit("/", 1)[1]])
        options = [one for one in schema.get("oneOf", []) if one.get("type") != "null"]
        return resolved(options[0]) if options else schema

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for name, field in resolved(content["schema"]).get("properties", {}).items():
                    found = resolved(field)
                    if found.get("type") == "string" and not {"format", "enum"} & set(found):
                        yield f"{method.upper()} {path} {name}"


class Planted:
    """The things that now say `SCRIPT`, by what their pages are called."""

    def __init__(self, people: People, things: Things) -> None:
        self._people = people
        self._things = things
        self.client = people.get("member", "/investments/subscriptions")[0]["client_id"]
        self.redemptions: list[str] = []
        self.clocks: list[str] = []

    def plant(self) -> None:
        self._holdings()
        self._client()
        rejected, held, declined, cleared = (self._things.redemption() for _ in range(4))
        self.redemptions = [rejected, held, declined, cleared]
        to = {"to_membership_id": self._people.get("rm2", "/me")["user"]["id"]}
        self._step("ops", rejected, "reassign", **to)
        self._step("rm2", rejected, "reject")
        self._decide(held)
        self._step("compliance", held, "hold")
        self._clock(held, paused=True)
        self._step("compliance", held, "resume")
        self._step("compliance", held, "hold")
        self._step("compliance", held, "cancel-held")
        self._step("rm", declined, "approve")
        self._step("compliance", declined, "decline")
        self._step("rm", cleared, "approve")
        self._step("compliance", cleared, "clear")
        self._clock(cleared)
        source = self._things.vault_for(cleared)
        self._step("trader", cleared, "ready", source_account_id=source)
        discarded = self._things.dead_job()
        self._people.post("ops", f"/jobs/{discarded}/discard", {"reason": SCRIPT})

    def _step(self, login: str, redemption: str, step: str, **more: str) -> None:
        body = {"note": SCRIPT} | more
        self._people.post(login, f"/investments/redemptions/{redemption}/{step}", body)

    def _decide(self, redemption: str) -> None:
        found = self._people.get("rm", f"/investments/redemptions/{redemption}")
        vote = {"decision": "approve", "note": SCRIPT}
        self._people.post("rm", f"/approvals/{found['approval_id']}/decisions", vote)

    def _holdings(self) -> None:
        subscription = self._things.subscriptions[0]
        product = self._things.products[subscription["product_id"]]
        deposit = {
            "client_id": self.client,
            "staging_account_id": self._things.vault_of(product["id"]),
            "amount": product["minimum"]["amount"],
            "transaction_reference": f"{SCRIPT} {uuid4()}",
        }
        self._people.post("ops", "/investments/deposits", deposit)
        destination = {"label": SCRIPT, "kind": "wallet", "asset": product["asset"]}
        destination |= {"network": "ethereum", "address": f"0x{uuid4().hex}{uuid4().hex[:8]}"}
        added = self._people.post("member", "/investments/destinations", destination)
        self.destination = added["id"]

    def _client(self) -> None:
        note = {"note": SCRIPT}
        path = f"/investments/clients/{self.client}"
        passed = {"kyc": "passed", "valid_until": self._things.day(days=300)}
        self._people.post("compliance", f"{path}/kyc", passed | note)
        self._people.post("compliance", f"{path}/standing", {"standing": "good"} | note)
        self._people.post("ops", f"{path}/tier", {"tier": "institutional"} | note)

    def _clock(self, redemption: str, *, paused: bool = False) -> None:
        """More time for the payout; or a pause and its end, of one that is on hold."""
        clock = self._things.payout_clock(redemption)
        path, reason = f"/deadlines/{clock['id']}", {"reason": SCRIPT}
        self.clocks.append(clock["id"])
        if not paused:
            later = datetime.fromisoformat(clock["due_at"]) + timedelta(hours=1)
            body = reason | {"due_at": later.isoformat()}
            self._people.post("ops", f"{path}/extensions", body)
            return
        for change in ("pause", "resume"):
            asked = self._people.post("compliance", f"{path}/{change}", reason)
            vote = {"decision": "approve", "note": SCRIPT}
            self._people.post("ops", f"/approvals/{asked['approval_id']}/decisions", vote)

    def pages(self) -> dict[str, list[str]]:
        """By who looks at them."""
        redemptions = [f"/redemptions/{one}" for one in self.redemptions]
        clocks = [f"/deadlines/{one}" for one in self.clocks]
        client = f"/clients/{self.client}"
        return {
            "member": [
                *("/holdings", "/redemptions", "/destinations", "/notifications"),
                *(f"/destinations/{self.destination}", redemptions[0], redemptions[3]),
            ],
            "rm": ["/approvals", "/approval-records", "/deadlines", client, redemptions[1]],
            "ops": ["/operations", "/jobs", *clocks, redemptions[0], "/ledger/entries"],
            "compliance": ["/audit", "/kyc", f"{client}/standing", *redemptions, clocks[1]],
            "trader": ["/settlement", redemptions[3]],
            "admin": ["/users"],
        }


def reports(portal: Portal) -> float:
    """How many violations browsers have reported to the portal so far."""
    lines = httpx.get(f"{portal.url}/metrics", trust_env=False).text.splitlines()
    found = [line for line in lines if line.startswith("stakehold_csp_reports_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


@pytest.fixture(scope="module")
def people(portal: Portal) -> Iterator[People]:
    opened = People(portal)
    yield opened
    opened.close()


def test_nothing_that_was_typed_runs(
    portal: Portal, doors: Doors, people: People, known: Known
) -> None:
    document = httpx.get(f"{portal.url}{API}/openapi.json", trust_env=False).json()
    assert set(free_text(document)) == PLANTED | READ_STRICTLY
    before = reports(portal)
    planted = Planted(people, Things(people, portal, doors))
    planted.plant()
    alive: list[tuple[str, str]] = []
    seen = 0
    for login, paths in planted.pages().items():
        page = watched(known(login))
        for path in paths:
            page.goto(path)
            seen += page.content().count("{{7*7}}")
            alive += [(path, what) for what in page.evaluate(_ALIVE)]
            filtered = address_with(page, path)
            if filtered:
                page.goto(filtered)
                alive += [(filtered, what) for what in page.evaluate(_ALIVE)]
        if login == "member":
            alive += typed(page)
    assert alive == []
    assert seen > 30, "what was planted is on the pages"
    assert reports(portal) == before
    # Else none of this would have noticed anything.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
    page.wait_for_function("window.broken.length > 0")
    assert page.evaluate(_ALIVE)


def watched(page: Page) -> Page:
    page.add_init_script(_WATCH)
    page.on("dialog", lambda dialog: pytest.fail(f"it ran, on {page.url}"))
    return page


def address_with(page: Page, path: str) -> str:
    """The page's own address with the script in every field of its filters; nothing without any."""
    names = page.eval_on_selector_all(
        "main form[method=get] [name]", "fields => fields.map(field => field.name)"
    )
    return f"{path}?{httpx.QueryParams(dict.fromkeys(names, SCRIPT))}" if names else ""


def typed(page: Page) -> list[tuple[str, str]]:
    """A form that comes back with what was typed, and why it will not do."""
    page.goto("/destinations/new")
    page.locator("input[name=label]").fill(SCRIPT)
    page.locator("input[name=address]").fill(SCRIPT)
    page.locator("main form[method=post]").evaluate("form => { form.noValidate = true; }")
    page.locator("main form[method=post] button").last.click()
    page.wait_for_load_state()
    return [("typed", what) for what in page.evaluate(_ALIVE)]
