"""The outermost wrapper: request id, security headers, access log, metrics, flood guard.

It stands outside Litestar, so that what no route answers (404, 405) carries them as well.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import Litestar

from app.kernel.ids import new_id
from app.kernel.tracing import SpanKind, span, traceparent
from app.settings import Settings
from app.web.csp_reports import PATH as CSP_REPORTS
from app.web.limits import FloodGuard, Reading
from app.web.metrics import REQUESTS, SECONDS
from app.web.recent import Recent
from app.web.trace import Trace
from app.web.viewer import Viewer

_log = structlog.get_logger("access")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def security_headers(config: Settings) -> list[tuple[bytes, bytes]]:
    """What every answer carries. The provider's origin stands in `form-action`, since the browser
    holds a form's redirects to it.
    """
    provider = urlsplit(config.oidc_issuer)
    policy = "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {provider.scheme}://{provider.netloc}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            # Both ways of saying it: not every browser knows the newer.
            f"report-uri {CSP_REPORTS}",
            "report-to csp",
        ]
    )
    headers = {
        "content-security-policy": policy,
        "reporting-endpoints": f'csp="{CSP_REPORTS}"',
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        # Not `no-referrer`: with it, browsers send forms with `Origin: null`.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if config.public_url.startswith("https:"):
        headers["strict-transport-security"] = "max-age=63072000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Portal:
    """The ASGI application. `litestar` is what it wraps; `lifespan()` starts and stops both."""

    def __init__(self, litestar: Litestar, config: Settings) -> None:
        self.litestar = litestar
        litestar.state.is_draining = False
        self._headers = security_headers(config)
        self._flood = FloodGuard()
        self._recent: Recent = litestar.state.recent

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with self.litestar.lifespan():
            yield

    def drain(self) -> None:
        """This process is about to end: it is not ready any more, and takes no live page."""
        self.litestar.state.is_draining = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.litestar(scope, receive, send)
            return
        client = scope.get("client")
        trace = Trace(request_id=new_id().hex, address=client[0] if client else "")
        scope.setdefault("state", {})["trace"] = trace
        if scope["type"] == "http":
            await self._http(scope, receive, send, trace)
        else:
            await self._websocket(scope, receive, send, trace)

    async def _http(self, scope: Any, receive: Any, send: Any, trace: Trace) -> None:
        started = time.perf_counter()
        status = 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", trace.request_id.encode()),
                    (b"server-timing", trace.server_timing(time.perf_counter() - started)),
                    *self._headers,
                    *trace.headers,
                ]
            await send(message)

        with span(_method(scope), kind=SpanKind.SERVER, request_id=trace.request_id) as opened:
            trace.traceparent = traceparent()
            try:
                reading = self._flood.hit(trace.address)
                if reading.is_over:
                    await _answer_flood(sending, trace, reading)
                else:
                    await self.litestar(scope, receive, sending)
            finally:
                opened.update_name(f"{_method(scope)} {_route(scope)}")
                opened.set_attribute("http.response.status_code", status)
                seconds = time.perf_counter() - started
                self._recent.note(_route(scope), status, seconds)
                _note(scope, trace, status, seconds)

    async def _websocket(self, scope: Any, receive: Any, send: Any, trace: Trace) -> None:
        if self.litestar.state.is_draining or self._flood.hit(trace.address).is_over:
            await send({"type": "websocket.close", "code": 1013, "reason": ""})
            return
        try:
            await self.litestar(scope, receive, send)
        finally:
            _log.info("socket", route=_route(scope), request_id=trace.request_id)


async def _answer_flood(send: Any, trace: Trace, reading: Reading) -> None:
    trace.headers.extend(reading.headers())
    body = msgspec.json.encode(
        {
            "type": "urn:stakehold:problem:too-many-requests",
            "title": "That was too much in too short a time",
            "status": 429,
            "detail": f"Try again in {reading.reset_seconds} s",
            "code": "TOO_MANY_REQUESTS",
            "errors": [],
            "request_id": trace.request_id,
        }
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(reading.reset_seconds).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _method(scope: Any) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _route(scope: Any) -> str:
    return scope.get("path_template") or "unmatched"


def _note(scope: Any, trace: Trace, status: int, seconds: float) -> None:
    """One line an answer, with nothing in it that somebody typed: no address asked for, no header."""
    method, route = _method(scope), _route(scope)
    viewer: Viewer | None = scope.get("user")
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)
    _log.info(
        "request",
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        request_id=trace.request_id,
        tenant_id=str(viewer.tenant.id) if viewer else None,
        user_id=str(viewer.actor.id) if viewer else None,
    )
