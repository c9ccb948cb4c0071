"""A child that the supervisor keeps alive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.embedded.process import Child
from app.embedded.terminal import say

_BACKOFF_SECONDS_MAX = 30.0
_STEADY_SECONDS = 30.0


@dataclass
class Watched:
    """A child that is started again when it dies, each time a little later. `renew` makes another
    like it, for those that may be replaced."""

    child: Child
    restart: Callable[[], None]
    renew: Callable[[], Child] | None = None
    deaths: int = 0
    started_at: float = 0.0
    due_at: float | None = None

    def look(self, now: float) -> bool:
        """Start it again when that is due. Says whether it is found dead for the first time."""
        if self.child.is_running:
            if now - self.started_at > _STEADY_SECONDS:
                self.deaths = 0
            return False
        if self.due_at is None:
            self.deaths += 1
            wait = min(0.25 * 2**self.deaths, _BACKOFF_SECONDS_MAX)
            self.due_at = now + wait
            say(f"{self.child.name} ended ({self.child.exit_code}); again in {wait:.1f} s")
            return True
        if now >= self.due_at:
            self.due_at, self.started_at = None, now
            self.restart()
        return False

    def give_way(self, new: Child) -> Child:
        """Watch `new` from now on; gives the old child."""
        old, self.child, self.restart = self.child, new, new.start
        self.deaths, self.started_at, self.due_at = 0, time.monotonic(), None
        return old
