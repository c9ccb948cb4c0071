"""Lighthouse gives each role's dashboard at least 95 of 100 in each category (ADR 0030)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext

from e2e.conftest import Known
from e2e.lighthouse.measuring import CATEGORIES, Lighthouse, running_lighthouse

ENOUGH = 95
RUNS = 3
# Where `/` takes each role.
DASHBOARDS = {
    "member": "/holdings",
    "rm": "/approvals",
    "trader": "/settlement",
    "ops": "/operations",
    "compliance": "/approvals",
    "admin": "/users",
}

# One fault for each category: a script that holds the page up once it is seen, no language, an error
# on the console, no description.
BAD_PAGE = """<html><head><title>Bad</title></head><body><h1>Bad</h1><script>
requestAnimationFrame(() => setTimeout(() => {
  const until = performance.now() + 2000;
  while (performance.now() < until) ;
  throw new Error("on the console");
}));
</script></body></html>"""


@pytest.fixture(scope="module")
def lighthouse(browser: Browser) -> Iterator[Lighthouse]:
    with running_lighthouse(browser) as running:
        yield running


@pytest.fixture
def bad_page(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index.html").write_text(BAD_PAGE)
    handler = partial(_Silent, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("login", DASHBOARDS)
def test_a_dashboard_has_at_least_95_in_each_category(
    known: Known, lighthouse: Lighthouse, login: str
) -> None:
    page = known(login)
    dashboard = page.url
    assert dashboard.endswith(DASHBOARDS[login])
    report = lighthouse.measure(dashboard, cookie=_cookie(page.context), enough=ENOUGH, runs=RUNS)
    assert report.shown == dashboard
    assert [score.category for score in report.scores] == list(CATEGORIES)
    assert report.below(ENOUGH) == []


def test_a_bad_page_is_named_with_what_is_bad(lighthouse: Lighthouse, bad_page: str) -> None:
    report = lighthouse.measure(bad_page, enough=ENOUGH, runs=1)
    bad = report.below(ENOUGH)
    assert len(bad) == len(CATEGORIES)
    for line, audit in zip(
        bad,
        ("total-blocking-time", "html-has-lang", "errors-in-console", "meta-description"),
        strict=True,
    ):
        assert audit in line


def _cookie(context: BrowserContext) -> str:
    return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
