"""What the supervisor tells the person who started it."""

from __future__ import annotations

from contextlib import suppress


def say(text: str) -> None:
    with suppress(OSError):  # the terminal may have gone, which is no reason to stop in disorder
        print(text, flush=True)
