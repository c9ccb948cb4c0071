"""What one request carries along from the outermost wrapper: its id, where it comes from, and what
the wrapper shall add to the answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.connection import ASGIConnection


class Trace(msgspec.Struct, kw_only=True):
    request_id: str
    address: str
    headers: list[tuple[bytes, bytes]] = []


def trace_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Trace:
    found: Trace = connection.scope["state"]["trace"]
    return found
