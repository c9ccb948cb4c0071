"""The alert rules: what promtool says of them, and that each leads to the runbook."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promtool import ensure_promtool

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def promtool(*arguments: str) -> str:
    ran = subprocess.run(
        [str(ensure_promtool()), *arguments],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def anchors() -> set[str]:
    """Of every heading, as a Markdown page makes them."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_rules_and_configuration_are_sound(tmp_path: Path) -> None:
    promtool("check", "rules", "alerts.yml")
    # What the containers see at these places is not here.
    text = (PROMETHEUS / "prometheus.yml").read_text()
    token = tmp_path / "metrics_token"
    token.write_text("a token")
    config = PROMETHEUS.parent / "prometheus" / "prometheus.yml"
    checked = tmp_path / config.name
    checked.write_text(text.replace("/run/secrets/metrics_token", str(token)))
    (tmp_path / "alerts.yml").write_text((PROMETHEUS / "alerts.yml").read_text())
    promtool("check", "config", str(checked))


def test_every_rule_is_quiet_and_fires_when_it_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_tested_both_ways() -> None:
    cases = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"]
    seen: dict[str, set[bool]] = defaultdict(set)
    for case in cases:
        for check in case["alert_rule_test"]:
            seen[check["alertname"]].add(bool(check["exp_alerts"]))
    assert seen == {rule["alert"]: {True, False} for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_leads_to_its_section_of_the_runbook(rule: dict[str, Any]) -> None:
    page, anchor = rule["annotations"]["runbook"].split("#")
    assert page == "docs/runbook.md"
    assert anchor in anchors()
    row = next(
        (line for line in RUNBOOK.splitlines() if line.startswith(f"| `{rule['alert']}` |")), ""
    )
    assert f"(#{anchor})" in row and f"| {rule['labels']['severity']} |" in row


def test_the_runbook_knows_no_other_alert() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (?:page|ticket) \|", RUNBOOK, re.MULTILINE)
    assert listed == [rule["alert"] for rule in RULES]


def test_the_dashboards_queries_are_sound(tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "stakehold.json").read_text())
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    assert len(queries) > 15
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))
