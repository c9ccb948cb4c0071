"""Desks, and people of theirs who are signed in."""

from tests.security.conftest import (  # noqa: F401 - fixtures
    _mail,
    desk,
    sandbox,
    seats,
    stranger,
)
