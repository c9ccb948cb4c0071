"""Who is in the demo: the accounts that the README and the sign-in page list."""

from __future__ import annotations

from typing import NamedTuple

from app.domains.identity.public import Role


class Person(NamedTuple):
    """`login` stands before the tenant's domain in the address."""

    login: str
    name: str
    role: Role


AURORA = (
    Person("member", "Mara Lindqvist", Role.member),
    Person("member2", "Tomás Herrera", Role.member),
    Person("rm", "Ruth Meyer", Role.rm),
    Person("rm2", "Kenji Sato", Role.rm),
    Person("trader", "Amara Okafor", Role.trader),
    Person("trader2", "Lukas Novak", Role.trader),
    Person("ops", "Ingrid Solberg", Role.operations),
    Person("compliance", "Paul Desjardins", Role.compliance),
    Person("admin", "Chen Wei", Role.admin),
)
