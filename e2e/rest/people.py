"""The demo's people at their REST clients."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from app.embedded.demo_accounts import DEMO_PASSWORD
from e2e.pages.sign_in import TENANT
from tests.support.portal import Portal

LOGINS = ("member", "member2", "rm", "rm2", "trader", "trader2", "ops", "compliance", "admin")
API = "/api/v1"


class People:
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
