"""What a live page fetches when hints come, and when: its script run by Node, without a browser."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("live_regions.mjs")


@pytest.fixture(scope="module")
def happened() -> dict[str, Any]:
    """`stream`: what was fetched under a stream of hints; `went`: where the page went after a 401."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    assert node is not None, "make setup installs it"
    ran = subprocess.run([node, str(SCRIPT)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_the_first_hint_shows_at_once(happened: dict[str, Any]) -> None:
    assert happened["stream"][0]["at"] - happened["hintedAt"] < 100


def test_a_region_rests_between_fetches_and_is_fetched_after_the_last_hint(
    happened: dict[str, Any],
) -> None:
    for name in ("first", "second", "third"):
        times = [call["at"] for call in happened["stream"] if call["block"] == name]
        # Thirty hints from 0 to 1.45 s (later on a slow machine): at once, then every 300 ms.
        assert 3 <= len(times) < 15
        assert all(later - earlier > 200 for earlier, later in itertools.pairwise(times))
        assert times[-1] > happened["hintedAt"] + 1450


def test_regions_are_fetched_in_the_order_of_the_page_one_after_the_other(
    happened: dict[str, Any],
) -> None:
    stream = happened["stream"]
    in_turn = itertools.islice(itertools.cycle(["first", "second", "third"]), len(stream))
    assert [call["block"] for call in stream] == list(in_turn)
    assert all(call["until"] <= following["at"] for call, following in itertools.pairwise(stream))


def test_a_session_that_ended_leads_to_the_sign_in_page(happened: dict[str, Any]) -> None:
    assert set(happened["went"]) == {"/auth/sign-in"}
