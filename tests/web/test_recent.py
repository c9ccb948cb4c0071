"""What a process says of its last answers."""

from __future__ import annotations

import pytest

from app.kernel.processes import Traffic, class_of, together
from app.web.recent import WINDOW_SECONDS, Recent


class TestSeconds:
    """Against what Prometheus' documentation says of `histogram_quantile`."""

    def test_is_estimated_evenly_within_a_class(self) -> None:
        traffic = Traffic(answered=4, durations=[0] * 4 + [4] + [0] * 7)  # 0.05 to 0.1 s
        assert traffic.seconds(0.5) == pytest.approx(0.075)

    def test_is_at_most_the_end_of_the_last_class(self) -> None:
        assert Traffic(answered=1, durations=[0] * 11 + [1]).seconds(0.99) == 10

    def test_is_nothing_where_nothing_was_answered(self) -> None:
        assert Traffic().seconds(0.5) is None
        assert Traffic().error_rate is None


class TestClassOf:
    def test_ends_belong_to_their_class_as_in_prometheus(self) -> None:
        assert (class_of(0.005), class_of(0.0051), class_of(60)) == (0, 1, 11)


class TestTogether:
    def test_adds_up(self) -> None:
        one = Traffic(answered=2, failed=1, durations=[2] + [0] * 11)
        assert together([one, one]) == Traffic(answered=4, failed=2, durations=[4] + [0] * 11)
        assert together([]) == Traffic()


class TestRecent:
    def test_counts_what_people_wait_for(self) -> None:
        recent = Recent()
        recent.note("/holdings", 200, 0.004)
        recent.note("/holdings", 503, 0.2)
        for route in ("/health/ready", "/metrics", "/static/dist/{file_path}"):
            recent.note(route, 500, 1)
        traffic = recent.traffic()
        assert (traffic.answered, traffic.failed, traffic.error_rate) == (2, 1, 0.5)
        assert traffic.durations[0] == 1 and traffic.durations[class_of(0.2)] == 1

    def test_forgets_what_is_older_than_the_window(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr("app.web.recent.time.monotonic", lambda: now)
        recent = Recent()
        recent.note("/holdings", 200, 0.1)
        now += WINDOW_SECONDS - 10
        assert recent.traffic().answered == 1
        now += 10
        assert recent.traffic().answered == 0
