"""Each test starts with no behaviours and no calls of the jobs in tests/support/work.py."""

from tests.support.work import fresh_work

__all__ = ["fresh_work"]
