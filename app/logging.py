"""Structured logs: one JSON object a line on standard output, without secrets or personal data.

What may be logged is on a list. A key that is not on it has its value masked, so that nothing
slips out because somebody passed one argument too many; texts are searched for secrets besides.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from app.kernel.redaction import MASK, redacted

# Keys whose values may be logged. Nobody's name, address, mail or amounts; ids instead.
ALLOWED = frozenset(
    {
        # the line itself
        "event", "level", "logger", "timestamp", "exception", "environment",
        # where and who, by id
        "request_id", "trace", "tenant_id", "actor_id", "user_id", "role", "recipient_id",
        "job_id", "deadline_id", "schedule_id", "event_id", "subject_id", "subject_kind",
        "redemption_id", "payout_id", "approval_id", "entry_id", "product_id", "account_id",
        "message_id",
        # what
        "kind", "type", "name", "part", "reason", "error", "state", "operation", "permission",
        "method", "route", "status", "origin", "close_code", "reference", "service", "host",
        "port", "pid", "jobs", "signal", "version", "schedule", "invariant", "template", "location",
        # how much
        "duration_ms", "delay_seconds", "count", "failures", "attempt", "violations", "size",
        "found", "busy", "records", "batches", "lag_seconds",
    }
)  # fmt: skip
_NOISY = ("httpx", "httpcore", "asyncio", "arq", "aiosqlite", "uvicorn.access")


def mask_unlisted(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every value whose key is not on the list, and secrets inside those that are."""
    for key, value in line.items():
        if key not in ALLOWED:
            line[key] = MASK
        elif isinstance(value, str):
            line[key] = redacted(value)
        elif value is not None and not isinstance(value, bool | int | float):
            line[key] = redacted(str(value))
    return line


def without_locals(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write an exception as its type, its redacted message and its frames; never its variables."""
    found = line.pop("exc_info", None)
    if found is True:
        error = sys.exc_info()[1]
    elif isinstance(found, BaseException):
        error = found
    else:
        error = found[1] if isinstance(found, tuple) else None
    if error is not None:
        line["exception"] = "".join(traceback.format_exception(error))
    return line


def without_socket_addresses(record: logging.LogRecord) -> bool:
    """uvicorn says of each socket where it came from and what it asked for, signed topics included;
    the portal's own access log says what may be said."""
    return '"WebSocket %s"' not in str(record.msg)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter() -> logging.Formatter:
    """What makes a line of a record, whoever logged it."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_locals,
            mask_unlisted,
            structlog.processors.JSONRenderer(),
        ],
    )


def configure_logging(level: str = "INFO") -> None:
    """Send this process's logs, ours and the libraries', through one set of processors."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Servers that bring handlers of their own hand over to ours.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    server = logging.getLogger("uvicorn.error")
    if without_socket_addresses not in server.filters:
        server.addFilter(without_socket_addresses)
