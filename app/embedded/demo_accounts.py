"""The people of the demo tenants, as the identity provider knows them and the terminal lists them.

The portal's own accounts for them are made by the demo seed; the addresses are what both share.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

DEMO_PASSWORD = "Stakehold-demo-1"  # noqa: S105 - printed at every start of the demo

# Tenant slug -> name and accounts, each `<account>@<slug>.example`.
DEMO_TENANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "aurora": (
        "Aurora Digital Assets",
        ("member", "member2", "rm", "rm2", "trader", "trader2", "ops", "compliance", "admin"),
    ),
}


@dataclass(frozen=True)
class ProviderUser:
    """One user of the identity provider. `subject` never changes: the portal links accounts to it."""

    subject: str
    email: str
    given_name: str
    family_name: str
    password: str = DEMO_PASSWORD
    email_verified: bool = True


def demo_users() -> list[ProviderUser]:
    return [
        ProviderUser(
            subject=f"{slug}-{account}",
            email=f"{account}@{slug}.example",
            given_name=account.capitalize(),
            family_name=name.split()[0],
        )
        for slug, (name, accounts) in DEMO_TENANTS.items()
        for account in accounts
    ]


def write_users(file: Path, users: list[ProviderUser]) -> None:
    """Hands users to the identity provider's process."""
    file.touch(mode=0o600)
    file.write_text(json.dumps([asdict(user) for user in users], indent=2) + "\n")


def read_users(file: Path) -> list[ProviderUser]:
    return [ProviderUser(**user) for user in json.loads(file.read_text())]
