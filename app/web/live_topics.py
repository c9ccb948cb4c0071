"""Signed topics: what a page's socket may listen to. The page's handler decided it, under its guard
and row scope; the signature carries the decision to `/live`, bound to that session.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from app.kernel.crypto import keyed
from app.kernel.real_time import real_seconds
from app.settings import settings
from app.web.viewer import Viewer

_PURPOSE = "live topics"
TOPICS_MAX = 50


class SignedTopics(msgspec.Struct, frozen=True):
    """`until` is real time, in seconds since 1970."""

    session: str
    topics: tuple[str, ...]
    until: int


def sign_topics(viewer: Viewer, topics: Sequence[str]) -> str:
    """The topics in one token for the page's address of `/live`; nothing without a session."""
    if not viewer.has_session:
        return ""
    if len(topics) > TOPICS_MAX:
        raise ValueError(f"a page listens to at most {TOPICS_MAX} topics; choose coarser ones")
    # To the hour, so that the same page renders the same bytes and its blocks keep their ETag.
    hours = (int(real_seconds()) + settings().session_seconds) // 3600 + 1
    payload = msgspec.json.encode(
        SignedTopics(str(viewer.credential_id), tuple(dict.fromkeys(topics)), hours * 3600)
    )
    return f"{_text(payload)}.{_text(keyed(_PURPOSE, payload.decode()))}"


def read_topics(token: str, *, viewer: Viewer) -> frozenset[str] | None:
    """The topics of a token that we signed for this session and that still holds, else nothing."""
    try:
        body, _, signature = token.partition(".")
        payload = _octets(body)
        if not hmac.compare_digest(_octets(signature), keyed(_PURPOSE, payload.decode())):
            return None
        signed = msgspec.json.decode(payload, type=SignedTopics)
    except (ValueError, msgspec.MsgspecError):
        return None
    if signed.session != str(viewer.credential_id) or signed.until < real_seconds():
        return None
    return frozenset(signed.topics)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
