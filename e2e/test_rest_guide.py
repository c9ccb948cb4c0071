"""docs/rest.md as an integrator follows it: its commands, in its order, against the running portal."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import httpx

from app.embedded.demo_accounts import DEMO_PASSWORD
from tests.support.portal import Portal

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "rest.md"
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_its_commands_take_a_redemption_from_the_quote_to_the_money(portal: Portal) -> None:
    blocks = COMMANDS.findall(GUIDE.read_text())
    assert len(blocks) > 7
    # What the page says of each answer is what the commands print.
    said = run("".join(blocks), portal)
    assert said[-2] == "completed", said
    assert re.fullmatch(r"[0-9]+ redemptions", said[-1]), said
    for state in ("pending_approval", "approved", "ready"):
        assert state in said, said


def test_what_it_says_of_limits_and_cookies_is_so(portal: Portal) -> None:
    with httpx.Client(base_url=f"{portal.url}/api/v1", trust_env=False) as http:
        tokens = http.post(
            "/auth/login",
            json={
                "tenant": "aurora",
                "email": "member@aurora.example",
                "password": DEMO_PASSWORD,
            },
        ).json()
        answer = http.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert tokens["expires_in"] == 600
    assert answer.headers["ratelimit-policy"] == '"user";q=300;w=60'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"]


def run(script: str, portal: Portal) -> list[str]:
    """The lines that it printed; it stops at the first command that fails."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=os.environ | {"PORTAL": portal.url, "NO_PROXY": "localhost", "no_proxy": "localhost"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout.split("\n")[:-1]
