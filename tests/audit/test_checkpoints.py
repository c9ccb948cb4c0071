"""Checkpoints: one for each growth of the chain, in the object store, never overwritten."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.kernel import audit
from app.kernel.audit.checkpoints import checkpoint_due, checkpoint_tenant, export_checkpoints
from app.kernel.audit.sealer import seal_tenant
from app.kernel.audit.signing import sign
from app.kernel.audit.verification import verify_audit
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.settings import SettingInvalid, settings
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.horizon import everything_settled


async def grow(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        await audit.record(action="act", subject_kind="thing", subject_id=new_id())
    await everything_settled()
    await seal_tenant(tenant_id=tenant.id)


def exported(tenant: TestTenant) -> list[str]:
    folder = Path(urlsplit(settings().object_store_url).path) / "audit" / str(tenant.id)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.json"))


async def test_exports_by_day_and_only_where_the_chain_grew(tenant: TestTenant) -> None:
    await grow(tenant)
    await grow(tenant)
    await checkpoint_due()
    assert await checkpoint_tenant(tenant_id=tenant.id) == 0
    [location] = exported(tenant)
    assert location.endswith("/000000000002.json")
    assert len(location.split("/")) == 4
    assert (await verify_audit(tenant_id=tenant.id)).checkpoints == 1


async def test_two_at_once_make_one_line_of_checkpoints(tenant: TestTenant) -> None:
    for _ in range(3):
        await grow(tenant)
        await asyncio.gather(*(checkpoint_tenant(tenant_id=tenant.id) for _ in range(4)))
    assert len(exported(tenant)) == 3
    report = await verify_audit(tenant_id=tenant.id)
    assert report.ok, report.first_break


async def test_an_export_cut_short_is_done_again_and_does_no_harm(
    tenant: TestTenant, database: DatabaseUrls
) -> None:
    await grow(tenant)
    await checkpoint_tenant(tenant_id=tenant.id)
    async with connected(database.admin) as admin:
        await admin.execute(
            "UPDATE audit_checkpoint SET exported_at = NULL WHERE tenant_id = $1", tenant.id
        )
    assert await export_checkpoints(tenant_id=tenant.id) == 1
    assert len(exported(tenant)) == 1
    assert (await verify_audit(tenant_id=tenant.id)).ok


def test_no_other_key_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of another kind would sign what nobody could check."""
    file = tmp_path / "key.pem"
    file.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    monkeypatch.setenv("AUDIT_KEY_FILE", str(file))
    settings.cache_clear()
    try:
        with pytest.raises(SettingInvalid, match="Ed25519"):
            sign(b"statement")
    finally:
        monkeypatch.undo()
        settings.cache_clear()
