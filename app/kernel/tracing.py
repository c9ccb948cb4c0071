"""Spans, from the click to the call that it leads to: each job remembers under which it was ordered.

Without an exporter (`app.tracing`) a span is nothing and costs next to nothing. Attributes are ids and
kinds, never what somebody typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["Span", "SpanKind", "span", "traceparent"]

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"


def traceparent() -> str:
    """The open span, as W3C Trace Context writes it; empty where none is recorded."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER, "")


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: str = "", **attributes: str
) -> Iterator[Span]:
    """A span around the body: below `parent` (a `traceparent`) if given, else below the open one.

    What the body raises marks it as failed, by its type alone: messages may hold what was typed.
    """
    # An unknown version or a torn value is as good as none.
    context = _PROPAGATOR.extract({_HEADER: parent}) if parent else None
    named = {f"stakehold.{key}": value for key, value in attributes.items()}
    with trace.get_tracer("stakehold").start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=named,
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
