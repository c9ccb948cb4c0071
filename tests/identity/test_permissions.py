"""The one file of roles, and the page that is generated from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domains.identity.permissions import PERMISSIONS, ROLES, matrix
from app.domains.identity.values import Role

PAGE = Path(__file__).parents[2] / "docs" / "security" / "permissions.md"


def test_the_page_is_generated_from_the_file() -> None:
    assert PAGE.read_text() == matrix(), "run python -m app.domains.identity.permissions"


def test_every_role_has_permissions_that_exist() -> None:
    assert set(ROLES) == set(Role)
    for permissions in ROLES.values():
        assert permissions <= PERMISSIONS.keys()


@pytest.mark.parametrize(
    ("maker", "checker"),
    [("redemption:request", "redemption:approve"), ("redemption:approve", "redemption:settle")],
)
def test_no_role_both_makes_and_checks(maker: str, checker: str) -> None:
    assert not any({maker, checker} <= permissions for permissions in ROLES.values())
