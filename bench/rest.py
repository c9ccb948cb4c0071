"""A person of the demo's Aurora tenant over REST: sets the scene of a benchmark, checks its end."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from app.embedded.demo_accounts import DEMO_PASSWORD

TENANT = "aurora"


class Person:
    """Signed in by password; everything it gets is the `data` of an answer that succeeded."""

    def __init__(self, url: str, login: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=30)
        credentials = {
            "tenant": TENANT,
            "email": f"{login}@{TENANT}.example",
            "password": DEMO_PASSWORD,
        }
        tokens = _body(self._http.post("/auth/login", json=credentials))
        self._http.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def get(self, path: str) -> Any:
        return _body(self._http.get(path))["data"]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Idempotency-Key": uuid4().hex}
        return _body(self._http.post(path, json=body, headers=headers))["data"]


def assert_sound(url: str) -> None:
    """Every invariant holds and the audit chain is whole: what was fast was also right."""
    broken = [
        invariant["name"] for invariant in Person(url, "ops").get("/verify") if not invariant["ok"]
    ]
    assert not broken, f"invariants are broken: {', '.join(broken)}"
    report = Person(url, "compliance").get("/audit/verify")
    assert report["ok"], f"the audit chain is broken: {report['first_break']}"


def _body(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.url.path}: {answer.status_code} {answer.text}"
    return answer.json()
