"""Where a process sends its spans: to the collector named in the settings, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.settings import settings


@contextmanager
def exported_spans(part: str) -> Iterator[None]:
    """Export this process's spans for as long as the body runs, the last ones at its end.

    They leave in batches from a thread of their own: a collector that is away slows nobody down.
    """
    endpoint = settings().otlp_endpoint
    if not endpoint:
        yield
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": "stakehold", "service.instance.id": part})
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
