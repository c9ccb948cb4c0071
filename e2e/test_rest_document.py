"""The OpenAPI document against the running portal: whatever it allows, every operation answers as it
says, and never with a 5xx. `SEED=` repeats a run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.embedded.demo_accounts import DEMO_PASSWORD
from tests.support.portal import Portal

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth"
)
# Below the quota of one person, so that refusals for haste do not hide the rest.
RATE = "280/m"


@pytest.mark.parametrize("login", ["ops", "member"])
def test_every_operation_answers_as_the_document_says(portal: Portal, login: str) -> None:
    answer = httpx.post(
        f"{portal.url}/api/v1/auth/login",
        json={
            "tenant": "aurora",
            "email": f"{login}@aurora.example",
            "password": DEMO_PASSWORD,
        },
        trust_env=False,
    )
    token = answer.json()["access_token"]
    command = [
        str(Path(sys.executable).with_name("st")), "run", f"{portal.url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--rate-limit", RATE, "--no-color",
        # Signing out would end the run, and moving the clock would move it for everybody.
        "--exclude-path-regex", "/auth/|/demo/",
        "--phases", "fuzzing", "--max-examples", "5", "--checks", CHECKS,
        "--suppress-health-check", "all", "--generation-database", "none",
    ]  # fmt: skip
    if seed := os.environ.get("SEED"):
        command += ["--seed", seed]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    tested = next(line for line in ran.stdout.splitlines() if "Tested:" in line)
    assert int(tested.split(":")[1]) >= 39, tested
