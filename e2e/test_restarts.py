"""Restarts while people work: nobody is refused, nothing is lost, no page stays dark."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import Page, expect

from e2e.conftest import Known
from tests.support.environment import free_port
from tests.support.load import under_load
from tests.support.portal import Portal
from tests.support.restarts import (
    END_SECONDS_MAX,
    PARTS,
    assert_nothing_lost,
    roll,
    terminate,
    wait_for_all,
)

DARK_SECONDS_MAX = 3

# When the indicator changed, and to what: in the page's own time.
_NOTE_STATES = """() => {
  const indicator = document.getElementById("live-updates");
  window.liveStates = [[performance.now(), indicator.dataset.state]];
  new MutationObserver(() => window.liveStates.push([performance.now(), indicator.dataset.state]))
    .observe(indicator, {attributes: true, attributeFilter: ["data-state"]});
}"""


def dark_seconds(page: Page) -> list[float]:
    """Of each time that the page was not live."""
    found, since = [], None
    for at, state in page.evaluate("window.liveStates"):
        if state == "live" and since is not None:
            found.append((at - since) / 1000)
        since = None if state == "live" else since or at
    assert since is None, "the page is not live"
    return found


def test_people_at_work_notice_nothing_of_a_rolling_restart(portal: Portal, known: Known) -> None:
    page = known("rm2", "/approvals")
    expect(page.locator("#live-updates")).to_have_attribute("data-state", "live")
    page.evaluate(_NOTE_STATES)
    report = under_load(portal, lambda: roll(portal))
    print(report.summary())
    report.assert_nothing_failed()
    assert report.codes == {1012: report.codes.total()}, "closed otherwise than for a restart"
    assert report.codes.total() >= report.sockets
    assert report.dark_seconds_max < DARK_SECONDS_MAX
    expect(page.locator("#live-updates")).to_have_attribute("data-state", "live")
    dark = dark_seconds(page)
    assert dark and max(dark) < DARK_SECONDS_MAX
    assert_nothing_lost(portal, report)


def test_sigterm_to_each_part_ends_it_in_time_and_loses_nothing(portal: Portal) -> None:
    ended: dict[str, float] = {}

    def end_each() -> None:
        for part in PARTS:
            ended[part] = terminate(portal.children(part)[0])

    report = under_load(portal, end_each)
    print(report.summary(), ended)
    report.assert_nothing_failed()
    assert max(ended.values()) < END_SECONDS_MAX
    assert report.dark_seconds_max < DARK_SECONDS_MAX
    wait_for_all(portal)
    assert_nothing_lost(portal, report)


@contextmanager
def web_process(portal: Portal) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A web process on a socket of its own, as behind a load balancer."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "web"],
        env=os.environ | portal.environment | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            until = time.monotonic() + 30
            while not _answers(client):
                assert time.monotonic() < until, "the web process did not start"
                time.sleep(0.05)
            yield process, client
    finally:
        process.kill()
        process.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.HTTPError:
        return False


def test_a_web_process_says_that_it_ends_before_it_stops_answering(portal: Portal) -> None:
    with web_process(portal) as (process, client):
        assert client.get("/health/ready").json()["process"] == "ok"
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while (answer := client.get("/health/ready")).is_success:
            assert time.monotonic() - began < 1, "it goes on as though nothing had been said"
        assert answer.status_code == 503
        assert answer.json()["process"] == "ending"
        # A load balancer that has not looked yet sends visitors still: on new connections, too.
        for _ in range(3):
            page = httpx.get(client.base_url.join("/auth/sign-in"), trust_env=False)
            assert page.status_code == 200
            assert page.headers["connection"] == "close"
        process.wait(END_SECONDS_MAX)
        assert time.monotonic() - began < END_SECONDS_MAX
