"""How the portal runs, while it runs: the page moves by itself, and every figure that an alert or a
dashboard asks for is there.
"""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import httpx
import yaml
from playwright.sync_api import expect

from e2e.conftest import Known
from e2e.pages.accessibility import violations
from tests.support.portal import Portal

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"\bstakehold_[a-z_]+\b")
# The page fetches itself every five seconds.
MOVES_MS = 9_000


def execute(portal: Portal, sql: str) -> None:
    """As superuser, in a thread of its own: Playwright's event loop runs in this one."""

    async def run() -> None:
        database = await asyncpg.connect(
            portal.environment["DATABASE_ADMIN_URL"], database="stakehold"
        )
        try:
            await database.execute(sql)
        finally:
            await database.close()

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


def test_the_page_moves_without_a_hint(portal: Portal, known: Known) -> None:
    page = known("ops", "/system")
    table = page.get_by_role("table", name="Processes")
    expect(table.get_by_role("row", name=re.compile("Web.*Alive"))).to_have_count(2)
    expect(table.get_by_role("row", name=re.compile("Relay.*Alive"))).to_have_count(1)
    status = page.locator("#status").get_by_role("status")
    expect(status).not_to_contain_text("A process is silent")
    execute(
        portal,
        "INSERT INTO process_report SELECT gen_random_uuid(), 'relay', 'elsewhere',"
        " clock_timestamp(), clock_timestamp() - interval '1 minute', 0, 0, durations"
        " FROM process_report LIMIT 1",
    )
    try:
        expect(status).to_contain_text("A process is silent", timeout=MOVES_MS)
        expect(table).to_contain_text("Silent")
        assert violations(page) == []
    finally:
        execute(portal, "DELETE FROM process_report WHERE host = 'elsewhere'")
    expect(status).not_to_contain_text("A process is silent", timeout=MOVES_MS)


def test_focus_stays_where_it_is_when_the_page_moves(known: Known) -> None:
    page = known("ops", "/system")
    link = page.locator("#status").get_by_role("link", name="Jobs and dead letters")
    link.focus()
    with page.expect_response(re.compile("/system$"), timeout=MOVES_MS):
        pass
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


def asked_for() -> set[str]:
    """The metrics in every expression of the rules and of the dashboard."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    dashboard = json.loads((ROOT / "deploy/grafana/stakehold.json").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    expressions += [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    return {name for expression in expressions for name in NAME.findall(expression)}


def test_every_metric_that_is_asked_for_is_exported(portal: Portal) -> None:
    answer = httpx.get(f"{portal.url}/metrics", trust_env=False).raise_for_status()
    exported = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines()}
    asked = asked_for()
    assert len(asked) > 15
    assert asked - exported == set()


def test_metrics_are_not_for_whoever_comes_through_a_proxy(portal: Portal) -> None:
    answer = httpx.get(
        f"{portal.url}/metrics", headers={"X-Forwarded-For": "203.0.113.9"}, trust_env=False
    )
    assert answer.status_code == 404


def test_the_server_writes_through_what_masks_secrets(portal: Portal) -> None:
    """Its own lines as well, not only the portal's: each is one JSON object."""
    logs = sorted((portal.folder / "logs").glob("web*.log"))
    written = [line for log in logs for line in log.read_text().splitlines()]
    assert any(json.loads(line)["logger"] == "uvicorn.error" for line in written)
