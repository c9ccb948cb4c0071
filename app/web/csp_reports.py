"""What browsers report of pages that tried what the content security policy forbids.

Anybody may send these, so nothing in one is believed or repeated: they are counted by the directive
that was broken, under names that we know, and one line says which page and whose code, by origin.
A report from a page of ours means that something got into it: see the runbook.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import post
from litestar.exceptions import ClientException
from prometheus_client import Counter

from app.settings import settings
from app.web.forms import WrongContentType, content_type_of
from app.web.guards import public
from app.web.trace import trace_of
from app.web.viewer import PortalRequest

PATH = "/csp-reports"
# Reporting API, and what Firefox and Safari still send for `report-uri`.
REPORTS_TYPE, REPORT_TYPE = "application/reports+json", "application/csp-report"
REPORTS_MAX = 20
DIRECTIVES = frozenset(
    {
        "base-uri",
        "connect-src",
        "default-src",
        "font-src",
        "form-action",
        "frame-ancestors",
        "frame-src",
        "img-src",
        "manifest-src",
        "media-src",
        "object-src",
        "script-src",
        "script-src-attr",
        "script-src-elem",
        "style-src",
        "style-src-attr",
        "style-src-elem",
        "worker-src",
    }
)
REPORTS = Counter("stakehold_csp_reports", "Violations that browsers reported", ["directive"])
_log = structlog.get_logger(__name__)


class Violation(msgspec.Struct, frozen=True):
    """`blocked` and `document` are origins, or words such as `inline`: never whole addresses."""

    directive: str
    blocked: str
    document: str


@post(PATH, guards=[public], status_code=204, include_in_schema=False)
async def csp_reports(request: PortalRequest) -> None:
    """Count them; whoever sends anything else is told so. Raises 400 and 415."""
    kind = content_type_of(request)
    if kind not in (REPORTS_TYPE, REPORT_TYPE):
        raise WrongContentType(f"Send {REPORTS_TYPE}")
    try:
        sent = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientException("The report is not JSON") from error
    for violation in violations(sent):
        REPORTS.labels(violation.directive).inc()
        if violation.document == "here":
            _log.error(
                "content security policy broken",
                kind=violation.directive,
                origin=violation.blocked,
                request_id=trace_of(request).request_id,
            )


def violations(sent: Any) -> list[Violation]:
    """Those among `sent` that have the form of one, at most `REPORTS_MAX`."""
    reports = sent if isinstance(sent, list) else [sent]
    found = []
    for report in reports[:REPORTS_MAX]:
        body = report.get("body", report.get("csp-report")) if isinstance(report, dict) else None
        if isinstance(body, dict):
            found.append(_violation(body))
    return found


def _violation(body: dict[str, Any]) -> Violation:
    """The Reporting API's names, or those of `report-uri`."""

    def given(*names: str) -> str:
        value = next((body[name] for name in names if name in body), "")
        return value if isinstance(value, str) else ""

    directive = given("effectiveDirective", "effective-directive", "violated-directive")
    directive = directive.partition(" ")[0]
    document = _origin(given("documentURL", "document-uri"))
    return Violation(
        directive=directive if directive in DIRECTIVES else "other",
        blocked=_origin(given("blockedURL", "blocked-uri")),
        document="here" if document in settings().origins else "elsewhere",
    )


def _origin(address: str) -> str:
    """Where it is, without what stands in it; words of the browsers' own stay (`inline`, `eval`)."""
    if address in ("inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"):
        return address
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "other"
    if parts.scheme not in ("http", "https", "ws", "wss") or not host:
        return "other"
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
