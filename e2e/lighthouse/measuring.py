"""Lighthouse, in a Node and a Chromium of its own that stay open for as many pages as are asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.chromium import ensure_chromium
from tests.support.environment import free_port

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
_SCRIPT = Path(__file__).with_name("measure.mjs")


@dataclass(frozen=True)
class Score:
    """Of 100, and what cost the points that are missing."""

    category: str
    points: int
    lost: list[str]

    def __str__(self) -> str:
        return "\n    ".join([f"{self.category} {self.points}", *self.lost])


@dataclass(frozen=True)
class Report:
    """`shown` is the address that the page ended at: a session that is gone ends at the sign-in."""

    shown: str
    scores: list[Score]

    def below(self, enough: int) -> list[str]:
        return [str(score) for score in self.scores if score.points < enough]


class Lighthouse:
    """Talks to `measure.mjs`, a line of JSON each way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def measure(self, url: str, *, cookie: str = "", enough: int, runs: int) -> Report:
        """The page as a desktop shows it, its first visit with nothing cached.

        `runs` is how often performance may be measured before it counts as below `enough`.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {
            "url": url,
            "cookie": cookie,
            "categories": CATEGORIES,
            "enough": enough,
            "runs": runs,
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Lighthouse ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        scores = [
            Score(category, found["score"], found["lost"])
            for category, found in answer["categories"].items()
        ]
        return Report(answer["shown"], scores)


@contextmanager
def running_lighthouse(browser: Browser) -> Iterator[Lighthouse]:
    """`browser` says how a Chromium is started; Lighthouse empties the caches of the one it uses."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    assert node, "no Node here; make setup installs it"
    port = free_port()
    chromium = browser.browser_type.launch(
        executable_path=str(ensure_chromium()),
        args=[
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-component-update",
            f"--remote-debugging-port={port}",
        ],
    )
    process = subprocess.Popen(
        [node, str(_SCRIPT), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            try:
                yield Lighthouse(process)
            finally:
                process.terminate()
    finally:
        chromium.close()
