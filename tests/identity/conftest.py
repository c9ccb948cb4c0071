"""A desk for the tests that need people at work."""

from tests.security.conftest import desk, seats, stranger  # noqa: F401 - fixtures
