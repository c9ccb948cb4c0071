"""What Prometheus reads. Routes are counted by their template, never by the address asked for."""

from __future__ import annotations

import hmac

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram

from app.kernel.errors import NotFound
from app.metrics import exposition
from app.settings import settings
from app.web.guards import public
from app.web.trace import trace_of
from app.web.viewer import PortalRequest

REQUESTS = Counter("stakehold_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "stakehold_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SOCKETS = Gauge("stakehold_live_sockets", "Open live pages", multiprocess_mode="livesum")
LOOPBACK = frozenset({"127.0.0.1", "::1"})
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


@get("/metrics", guards=[public], include_in_schema=False)
async def metrics(request: PortalRequest) -> Response[bytes]:
    """For this machine itself, or who shows METRICS_TOKEN; for others there is nothing here."""
    if not (_is_local(request) or _shows_token(request)):
        raise NotFound
    return Response(exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_local(request: PortalRequest) -> bool:
    """A proxy on this machine speaks for others: its requests carry forwarding headers."""
    is_forwarded = any(name in request.headers for name in _FORWARDED)
    return trace_of(request).address in LOOPBACK and not is_forwarded


def _shows_token(request: PortalRequest) -> bool:
    expected = settings().metrics_token
    given = request.headers.get("authorization", "")
    return bool(expected) and hmac.compare_digest(given.encode(), f"Bearer {expected}".encode())
