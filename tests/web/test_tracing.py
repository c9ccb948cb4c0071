"""One trace, from the trader's click through the job to the custodian's door; and Server-Timing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.kernel.database import fetch_value, unit_of_work
from app.kernel.ids import new_id
from app.kernel.tracing import span, traceparent
from tests.investments import steps
from tests.investments.conftest import _mail, desk, sandbox  # noqa: F401 - fixtures
from tests.security.conftest import seats  # noqa: F401 - fixture
from tests.security.seats import Seats
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import drain


@pytest.fixture(scope="module")
def provider() -> TracerProvider:
    made = TracerProvider()
    trace.set_tracer_provider(made)
    return made


@pytest.fixture
def exported(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def _named(exported: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [found for found in exported.get_finished_spans() if found.name == name]


async def test_from_the_click_to_the_custodian(
    exported: InMemorySpanExporter,
    seats: Seats,  # noqa: F811
    desk: Desk,  # noqa: F811
    sandbox: Control,  # noqa: F811
) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    trader = await seats.of(desk, "trader")
    answer = await trader.browser.post_form(
        f"/redemptions/{redemption_id}/ready",
        {"source_account_id": str(desk.staging["yield"])},
        headers={"Idempotency-Key": new_id().hex},
    )
    assert answer.status_code == 303
    await drain(hurry=1)
    assert (await steps.seen(desk, redemption_id)).state.value == "completed"

    [click] = _named(exported, "POST /redemptions/{redemption_id}/ready")
    assert click.kind is SpanKind.SERVER
    assert click.attributes["http.response.status_code"] == 303
    spans = {found.context.span_id: found for found in exported.get_finished_spans()}
    calls = _named(exported, "custodian POST")
    assert calls, "the payout was sent"
    for call in calls:
        job = spans[call.parent.span_id]
        assert job.kind is SpanKind.CONSUMER
        assert job.name.startswith("job ")
        assert call.context.trace_id == job.context.trace_id == click.context.trace_id
    # The notification jobs came by way of the outbox, and belong to the same click.
    reactions = [
        found
        for found in exported.get_finished_spans()
        if found.parent is not None and found.parent.span_id == click.context.span_id
    ]
    assert len(reactions) >= 2, [found.name for found in reactions]
    assert str(trader.browser.csrf_token) not in str([found.attributes for found in spans.values()])
    assert await _trace_of_event(desk, redemption_id) == f"{click.context.trace_id:032x}"


async def _trace_of_event(desk: Desk, redemption_id: UUID) -> str:  # noqa: F811
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True):
        traceparent_of_event: str = await fetch_value(
            "SELECT trace FROM outbox_event WHERE subject_id = $1 AND type = 'redemption.ready'",
            redemption_id,
        )
    return traceparent_of_event.split("-")[1]


def test_a_failure_is_marked_by_its_type_and_never_by_its_words(
    exported: InMemorySpanExporter,
) -> None:
    with pytest.raises(ValueError, match="secret"), span("thing"):
        raise ValueError("a secret that somebody typed")
    [failed] = _named(exported, "thing")
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "ValueError"
    assert failed.events == ()


def test_a_parent_that_is_none_begins_a_trace(exported: InMemorySpanExporter) -> None:
    for wrong in ("x", "00-0-0-00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"):
        with span("orphan", parent=wrong):
            assert traceparent().startswith("00-")
    assert [found.parent for found in _named(exported, "orphan")] == [None] * 3


async def test_a_page_says_which_part_took_how_long(seats: Seats, desk: Desk) -> None:  # noqa: F811
    member = await seats.of(desk, "member")
    answer = await member.browser.get("/redemptions")
    parts = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert set(parts) == {"session", "work", "render", "total"}
    took = {part: float(value) for part, value in parts.items()}
    assert took["session"] + took["work"] + took["render"] <= took["total"] + 0.2


def test_a_process_sends_its_spans_to_the_collector_before_it_ends() -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            received.append((self.path, self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    script = (
        "from app.kernel.tracing import span\n"
        "from app.tracing import exported_spans\n"
        "with exported_spans('worker'), span('job of a test'): pass\n"
    )
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=60,
        )
        collector.shutdown()
    assert ran.returncode == 0, ran.stderr
    assert [path for path, _ in received] == ["/v1/traces"]
    for word in (b"job of a test", b"stakehold", b"worker"):
        assert word in received[0][1]
