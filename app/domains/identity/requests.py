"""What pages and REST read from a request that wants to sign in, and how often it may."""

from __future__ import annotations

from app.domains.identity.operations.sign_in import Origin
from app.web.limits import SIGN_IN, Counters, FailedSignIns, TooManyRequests
from app.web.trace import trace_of
from app.web.viewer import PortalRequest


async def count_sign_in(request: PortalRequest) -> None:
    """Sign-ins of one address a minute. Raises `TooManyRequests`."""
    counters: Counters = request.app.state.counters
    trace = trace_of(request)
    reading = await counters.hit(SIGN_IN, trace.address)
    trace.headers.extend(reading.headers())
    if reading.is_over:
        raise TooManyRequests(retry_after_seconds=reading.reset_seconds)


def failed_sign_ins(request: PortalRequest) -> FailedSignIns:
    return FailedSignIns(request.app.state.counters)


def origin_of(request: PortalRequest) -> Origin:
    trace = trace_of(request)
    return Origin(
        request_id=trace.request_id,
        address=trace.address,
        user_agent=request.headers.get("user-agent", "").replace("\0", ""),
    )
