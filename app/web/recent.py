"""What this process answered in the last minutes, for the page that shows how the portal runs.

Prometheus keeps the same for longer; this needs none. Counted in slices of time, so that the oldest
goes at once.
"""

from __future__ import annotations

import time
from collections import deque

from app.kernel.processes import Traffic, class_of, together

WINDOW_SECONDS = 300
_SLICE_SECONDS = 10
# Nobody waits for these, and supervisors ask them without end.
_NOT_COUNTED = ("/health/", "/metrics", "/static/")


class _Slice:
    def __init__(self, number: int) -> None:
        self.number = number
        self.answered = 0
        self.failed = 0
        self.durations = list(Traffic().durations)


class Recent:
    """Belongs to one process."""

    def __init__(self) -> None:
        self._slices: deque[_Slice] = deque()

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is its template."""
        if route.startswith(_NOT_COUNTED):
            return
        now = self._current()
        now.answered += 1
        now.failed += status >= 500
        now.durations[class_of(seconds)] += 1

    def traffic(self) -> Traffic:
        """All of the last five minutes."""
        self._current()
        return together(
            Traffic(answered=one.answered, failed=one.failed, durations=one.durations)
            for one in self._slices
        )

    def _current(self) -> _Slice:
        number = int(time.monotonic() // _SLICE_SECONDS)
        if not self._slices or self._slices[-1].number != number:
            self._slices.append(_Slice(number))
        while self._slices[0].number <= number - WINDOW_SECONDS // _SLICE_SECONDS:
            self._slices.popleft()
        return self._slices[-1]
