"""docker-compose.yml: what its services are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.restarts import END_SECONDS_MAX

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@pytest.mark.parametrize("service", ["web", "web-2", "worker", "relay"])
def test_services_get_what_metrics_and_object_stores_need(service: str) -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    given = compose["services"][service]["environment"]
    assert given["METRICS_TOKEN"] == "${METRICS_TOKEN:-}"
    assert given["METRICS_PORT"] == "${METRICS_PORT:-}"
    assert given["OTLP_ENDPOINT"] == "${OTLP_ENDPOINT:-}"
    for name in (*OPTIONAL, "AWS_ENDPOINT"):
        # No value, so that what is not set does not arrive as an empty key.
        assert given[name] is None


def test_the_example_names_each_setting_that_compose_reads() -> None:
    example = (ROOT / ".env.example").read_text()
    for name in ("METRICS_TOKEN", "METRICS_PORT", "OTLP_ENDPOINT", *OPTIONAL, "AWS_ENDPOINT"):
        assert f"{name}=" in example


def test_a_web_process_can_be_replaced_while_another_serves() -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    assert services["web"]["ports"] != services["web-2"]["ports"]
    for name in ("web", "web-2"):
        assert "/health/ready" in str(services[name]["healthcheck"]["test"])
    for name in ("web", "web-2", "worker", "relay"):
        # More than a process takes to end by itself, or Docker would kill it before.
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > END_SECONDS_MAX
