"""Take secrets and personal data out of text that is kept or logged: errors quote what they met."""

from __future__ import annotations

import re

MASK = "[masked]"

_PATTERNS = [
    # e-mail addresses
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"),
    # JSON web tokens, and what follows an authorization scheme
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+"),
    # long hexadecimal and base64 runs: keys, hashes of tokens (not UUIDs, which have dashes)
    re.compile(r"\b[0-9a-fA-F]{40,}\b"),
    # credentials in URLs
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
]
# `password=…`, `"token": "…"` and their like: the name stays, the value goes.
_NAMED = re.compile(
    r"(?i)(\b[\w-]*(?:password|passwd|secret|token|authorization|cookie|api[_-]?key|code)"
    r"[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}]+)"
)


def redacted(text: str) -> str:
    """`text` with every secret and e-mail address in it masked."""
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return _NAMED.sub(rf"\1{MASK}", text)
