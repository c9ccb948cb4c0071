"""Accounts, memberships and links."""

from __future__ import annotations

import pytest

from app.domains.identity.operations.account_create import EmailTaken
from app.domains.identity.operations.identity_link import IdentityTaken
from app.domains.identity.operations.membership_add import AlreadyMember
from app.domains.identity.public import (
    Role,
    add_membership,
    address_of,
    create_account,
    deactivate_membership,
    link_identity,
    members_with_role,
    membership,
    memberships,
    names_of,
)
from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from app.kernel.ids import new_id
from tests.support.client import add_person
from tests.support.database import TestTenant


class TestCreateAccount:
    async def test_an_email_names_one_account_whatever_its_case(self, tenant: TestTenant) -> None:
        email = f"{new_id().hex}@example.test"
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await create_account(email=email.upper(), name="Ada Lovelace")
            with pytest.raises(EmailTaken):
                await create_account(email=email, name="Ada Lovelace")

    @pytest.mark.parametrize(
        ("email", "name", "password", "field"),
        [
            ("nobody", "A", None, "email"),
            ("@example.test", "A", None, "email"),
            ("a@example.test", "  ", None, "name"),
            ("a@example.test", "A", "short", "password"),
            ("a@example.test", "A", "x" * 300, "password"),
        ],
    )
    async def test_bad_input_names_its_field(
        self, tenant: TestTenant, email: str, name: str, password: str | None, field: str
    ) -> None:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            with pytest.raises(InputInvalid) as refusal:
                await create_account(email=email, name=name, password=password)
        assert refusal.value.errors[0].field == field


class TestMemberships:
    async def test_an_account_joins_a_tenant_once(self, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "rm", name="Ruth Meyer")
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            with pytest.raises(AlreadyMember):
                await add_membership(account_id=person.account_id, role=Role.trader)
            with pytest.raises(NotFound):
                await add_membership(account_id=new_id(), role=Role.trader)

    async def test_people_are_found_within_their_tenant_alone(
        self, tenant: TestTenant, new_tenant
    ) -> None:
        other = await new_tenant()
        person = await add_person(tenant.id, "rm", name="Ruth Meyer")
        ids = [person.membership_id]
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            assert await names_of(membership_ids=ids) == {person.membership_id: "Ruth Meyer"}
            assert await members_with_role(role=Role.rm) == ids
            assert await address_of(person.membership_id) == person.email
            assert (await membership(membership_id=ids[0])).role is Role.rm
            assert [one.id for one in await memberships()] == ids
        async with unit_of_work(tenant=other.id, actor=SYSTEM):
            assert await names_of(membership_ids=ids) == {}
            assert await members_with_role(role=Role.rm) == []
            assert await address_of(person.membership_id) is None
            with pytest.raises(NotFound):
                await membership(membership_id=ids[0])
            with pytest.raises(NotFound):
                await deactivate_membership(membership_id=ids[0])

    async def test_who_has_left_gets_no_mail(self, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "rm")
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await deactivate_membership(membership_id=person.membership_id)
            assert await address_of(person.membership_id) is None
            assert await memberships() == []


async def test_a_person_of_a_provider_is_linked_to_one_account(tenant: TestTenant) -> None:
    first, second = await add_person(tenant.id, "rm"), await add_person(tenant.id, "rm")
    subject = new_id().hex
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        for _ in range(2):
            await link_identity(
                account_id=first.account_id, issuer="https://idp.example", subject=subject
            )
        with pytest.raises(IdentityTaken):
            await link_identity(
                account_id=second.account_id, issuer="https://idp.example", subject=subject
            )
