"""The OpenAPI document against the running portal: whatever it allows, every operation answers as it
says, to everybody, and never with a 5xx; and each succeeds for somebody.

The run redeems, revokes and signs out as it likes, so it has a portal of its own. `SEED=` repeats it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from e2e.doors import Doors
from e2e.rest.people import LOGINS
from e2e.rest.world import build
from tests.support.environment import free_port
from tests.support.portal import Portal, running_portal

REST = Path(__file__).parent / "rest"
# Some 45 s on two idle cores; whoever comes first pays for all of it, and a busy machine takes longer.
pytestmark = pytest.mark.timeout(300)
_RUN_SECONDS_MAX = 200


@pytest.fixture(scope="module")
def own_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("rest")
    with running_portal(port=free_port(), folder=folder) as running:
        yield running


@pytest.fixture(scope="module")
def operations(own_portal: Portal) -> set[str]:
    answer = httpx.get(f"{own_portal.url}/api/v1/openapi.json", trust_env=False)
    return {
        f"{method.upper()} {path}"
        for path, found in answer.json()["paths"].items()
        for method in found
    }


@pytest.fixture(scope="module")
def answers(own_portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What schemathesis was answered, once all of its checks have passed."""
    folder = tmp_path_factory.mktemp("schemathesis")
    doors = Doors(own_portal)
    try:
        world = build(own_portal, doors)
    finally:
        doors.close()
    (folder / "world.json").write_bytes(msgspec.json.encode(world))
    seed = os.environ.get("SEED") or str(random.randrange(2**32))
    command = [
        str(Path(sys.executable).with_name("st")),
        *("--config-file", str(REST / "schemathesis.toml")),
        *("run", f"{own_portal.url}/api/v1/openapi.json", "--no-color", "--seed", seed),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "6", "--checks", "all"),
        *("--suppress-health-check", "all", "--generation-database", "none"),
        *("--continue-on-failure", "--warnings", "off"),
    ]
    environment = os.environ | {
        "WORLD": str(folder / "world.json"),
        "ANSWERS": str(folder / "answers.jsonl"),
        "SEED": seed,
        "PYTHONPATH": str(REST.parents[1]),
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_RUN_SECONDS_MAX
    )
    said = ran.stdout[-12000:] + ran.stderr[-2000:]
    assert ran.returncode == 0, f"SEED={seed} repeats it\n{said}"
    lines = (folder / "answers.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_every_operation_answers_as_the_document_says(
    answers: list[dict[str, Any]], operations: set[str]
) -> None:
    """The checks have passed; this is what they were passed on."""
    asked = Counter(answer["operation"] for answer in answers)
    assert {operation for operation in operations if asked[operation] < 5} == set()
    assert {answer["status"] for answer in answers if answer["status"] >= 500} == set()
    hasty = [answer for answer in answers if answer["status"] == 429]
    assert hasty == [], "refusals for haste hide the rest"


def test_every_operation_succeeds_for_somebody(
    answers: list[dict[str, Any]], operations: set[str]
) -> None:
    succeeded = {answer["operation"] for answer in answers if 200 <= answer["status"] < 300}
    never = sorted(operations - succeeded)
    assert never == [], f"write a Golden request for {never} in e2e/rest/world.py"


def test_everybody_asks(answers: list[dict[str, Any]]) -> None:
    asked = Counter(answer["login"] for answer in answers)
    assert {login for login in (*LOGINS, "nobody") if asked[login] < 20} == set()


def test_more_than_the_first_request_gets_through(answers: list[dict[str, Any]]) -> None:
    """What is asked at random is about things that are there, by people who may."""
    tally = Counter(answer["status"] // 100 for answer in answers if not answer["golden"])
    assert tally[2] > 100, tally
    codes = {answer["code"] for answer in answers}
    assert {"REDEMPTION_STATE", "PRECONDITION_FAILED", "NOT_PERMITTED", "NOT_FOUND"} <= codes
