"""Whom clients of outside services trust: read once, because it takes 20 ms for every client anew."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def certificates() -> ssl.SSLContext:
    """What httpx would load for each client: certifi's authorities, host names checked."""
    return httpx.create_ssl_context(trust_env=False)
