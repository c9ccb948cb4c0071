"""Tampering, by a superuser who switches the guards off: each is found, and named."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from app.kernel import audit
from app.kernel.actors import SYSTEM
from app.kernel.audit.checkpoints import checkpoint_tenant
from app.kernel.audit.hashing import (
    FIRST_PREVIOUS_HASH,
    LEAF_COLUMNS,
    BatchContent,
    batch_hash,
    leaf_hash,
    merkle_root,
)
from app.kernel.audit.sealer import seal_tenant
from app.kernel.audit.verification import verify_audit
from app.kernel.database import fetch, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs.queue import due_jobs
from app.kernel.jobs.running import run_job
from app.kernel.upkeep import VERIFY_AUDIT_JOB, order_audit_verification
from app.registry import load
from app.settings import settings
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.horizon import everything_settled

BATCHES = 4
RECORDS_A_BATCH = 5


@pytest.fixture
async def chain(tenant: TestTenant) -> TestTenant:
    """A tenant with four batches of five records and a checkpoint after each."""
    for _ in range(BATCHES):
        for _ in range(RECORDS_A_BATCH):
            async with unit_of_work(tenant=tenant.id, actor=a_person()):
                await audit.record(
                    action="act", subject_kind="thing", subject_id=new_id(), after={"amount": "10"}
                )
        await everything_settled()
        await seal_tenant(tenant_id=tenant.id)
        await checkpoint_tenant(tenant_id=tenant.id)
    report = await verify_audit(tenant_id=tenant.id)
    assert report.ok, report.first_break
    assert (report.records, report.checkpoints) == (BATCHES * RECORDS_A_BATCH, BATCHES)
    return tenant


@pytest.fixture
async def intruder(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.admin) as admin:
        await admin.execute("SET session_replication_role = replica")
        yield admin


async def record_ids(intruder: asyncpg.Connection, tenant: TestTenant) -> list[UUID]:
    rows = await intruder.fetch(
        "SELECT id FROM audit_record WHERE tenant_id = $1 ORDER BY xid, id", tenant.id
    )
    return [row["id"] for row in rows]


async def found(tenant: TestTenant) -> str:
    report = await verify_audit(tenant_id=tenant.id)
    assert not report.ok
    assert report.first_break is not None
    return report.first_break


EDITS = {
    "after": """'{"amount": "1000"}'""",
    "before": "'{}'",
    "actor_id": "gen_random_uuid()",
    "actor_name": "'Nobody'",
    "actor_role": "'admin'",
    "action": "'other'",
    "subject_kind": "'other'",
    "subject_id": "gen_random_uuid()",
    "request_id": "'other'",
    "address": "'203.0.113.9'",
    "trace": "'other'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "business_at": "business_at - interval '1 microsecond'",
}


@pytest.mark.parametrize("column", EDITS)
async def test_an_edited_record_is_named(
    chain: TestTenant, intruder: asyncpg.Connection, column: str
) -> None:
    ids = await record_ids(intruder, chain)
    victim = random.Random(column).choice(ids)
    await intruder.execute(
        f"UPDATE audit_record SET {column} = {EDITS[column]} WHERE id = $1", victim
    )
    assert await found(chain) == (
        f"record {victim} ({'other' if column == 'action' else 'act'}) was edited, "
        f"batch {ids.index(victim) // RECORDS_A_BATCH + 1}"
    )


async def test_the_daily_check_raises_the_alarm(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    async def alarms() -> list[dict[str, object]]:
        async with unit_of_work(tenant=chain.id, actor=SYSTEM):
            await order_audit_verification()
            await order_audit_verification()
        due = [ref for ref in await due_jobs(limit=500) if ref.kind == VERIFY_AUDIT_JOB]
        (ref,) = [ref for ref in due if ref.tenant_id == chain.id]
        await run_job(ref)
        async with unit_of_work(tenant=chain.id, actor=SYSTEM):
            rows = await fetch("SELECT payload FROM outbox_event WHERE type = 'invariant.broken'")
        return [row["payload"] for row in rows]

    load()
    assert await alarms() == []
    await intruder.execute(
        "UPDATE audit_record SET action = 'other' WHERE id = $1",
        (await record_ids(intruder, chain))[7],
    )
    assert await alarms() == [{"invariant": "audit.chain", "violations": 1}]


async def test_a_removed_record_is_named_wherever_it_stood(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    ids = await record_ids(intruder, chain)
    for index, victim in reversed(list(enumerate(ids))):
        await intruder.execute("DELETE FROM audit_record WHERE id = $1", victim)
        assert await found(chain) == (
            f"record {victim} was removed, batch {index // RECORDS_A_BATCH + 1}"
        )


async def test_an_inserted_record_is_named(chain: TestTenant, intruder: asyncpg.Connection) -> None:
    ids = await record_ids(intruder, chain)
    forged = new_id()
    for model in ids[:-1:3]:
        await intruder.execute(
            "INSERT INTO audit_record (tenant_id, id, cluster_id, xid, recorded_at, "
            "business_at, actor_name, actor_role, action, subject_kind, subject_id, request_id, "
            "address, trace) SELECT tenant_id, $2, cluster_id, xid, recorded_at, business_at, "
            "actor_name, actor_role, 'forged', subject_kind, subject_id, request_id, address, "
            "trace FROM audit_record WHERE id = $1",
            model,
            forged,
        )
        assert (await found(chain)).startswith(f"record {forged} (forged) was inserted, batch")
        await intruder.execute("DELETE FROM audit_record WHERE id = $1", forged)


async def test_reordered_records_are_named(chain: TestTenant, intruder: asyncpg.Connection) -> None:
    ids = await record_ids(intruder, chain)
    first, second = ids[6], ids[8]
    await intruder.execute(
        "UPDATE audit_record r SET xid = other.xid FROM audit_record other "
        "WHERE (r.id = $1 AND other.id = $2) OR (r.id = $2 AND other.id = $1)",
        first,
        second,
    )
    assert await found(chain) == f"record {first} was reordered, batch 2"


async def test_a_record_moved_to_another_batch_is_named(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    ids = await record_ids(intruder, chain)
    await intruder.execute(
        "UPDATE audit_record SET xid = (SELECT xid FROM audit_record WHERE id = $2) WHERE id = $1",
        ids[2],
        ids[12],
    )
    assert await found(chain) == f"record {ids[2]} was reordered, batch 1"


async def test_an_edited_or_removed_batch_is_named(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    await intruder.execute(
        "UPDATE audit_batch SET sealed_at = sealed_at - interval '1 day' "
        "WHERE tenant_id = $1 AND number = 3",
        chain.id,
    )
    assert await found(chain) == "batch 3 was edited"
    await intruder.execute("DELETE FROM audit_batch WHERE tenant_id = $1 AND number = 2", chain.id)
    assert await found(chain) == "batch 2 was removed"


async def test_a_tail_cut_off_with_its_records_and_checkpoints_is_found(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    ids = await record_ids(intruder, chain)
    for table, column in (("audit_checkpoint", "batch_number"), ("audit_batch", "number")):
        await intruder.execute(
            f"DELETE FROM {table} WHERE tenant_id = $1 AND {column} = $2", chain.id, BATCHES
        )
    await intruder.execute("DELETE FROM audit_record WHERE id = ANY($1)", ids[-RECORDS_A_BATCH:])
    assert (await found(chain)).startswith("the chain was cut: batch 4 was signed")


async def test_a_chain_rewritten_whole_is_found_by_the_exported_checkpoints(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    ids = await record_ids(intruder, chain)
    victim = ids[RECORDS_A_BATCH + 1]
    await intruder.execute(
        """UPDATE audit_record SET after = '{"amount": "1"}' WHERE id = $1""", victim
    )
    await _rewrite_chain(intruder, chain)
    broken = await found(chain)
    assert broken.startswith("the chain was rewritten between batches 2 and 2")
    # The checkpoints inside the database rewritten as well: the copies outside still tell.
    await intruder.execute("DELETE FROM audit_checkpoint WHERE tenant_id = $1", chain.id)
    assert await found(chain) == broken


async def test_a_batch_rewritten_alone_or_without_a_record_is_found(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    ids = await record_ids(intruder, chain)
    await intruder.execute(
        """UPDATE audit_record SET after = '{"amount": "1"}' WHERE id = $1""",
        ids[RECORDS_A_BATCH + 1],
    )
    await _rewrite_chain(intruder, chain, through=2)
    assert await found(chain) == "batch 3 does not follow batch 2: one was rewritten"
    await intruder.execute(
        "UPDATE audit_batch SET record_ids = trim_array(record_ids, 1),"
        " leaves = substr(leaves, 1, octet_length(leaves) - 32)"
        " WHERE tenant_id = $1 AND number = 2",
        chain.id,
    )
    await _rewrite_chain(intruder, chain)
    left_out = ids[2 * RECORDS_A_BATCH - 1]
    assert await found(chain) == f"record {left_out} (act) was inserted, batch 2"


async def test_exported_checkpoints_removed_forged_or_edited_are_found(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    files = sorted(_objects(chain).rglob("*.json"), key=lambda path: path.name)
    assert len(files) == BATCHES
    original = files[1].read_bytes()
    for edited, expected in (
        (original.replace(b"Ed25519", b"Ed25510"), "does not bear our signature"),
        (original.replace(b'\\"epoch\\":1', b'\\"epoch\\":2'), "does not bear our signature"),
        (b"{}", "is no checkpoint"),
    ):
        assert edited != original
        files[1].write_bytes(edited)
        assert expected in await found(chain)
    files[1].unlink()
    assert "was removed or replaced" in await found(chain)
    files[1].write_bytes(original)
    last = files[-1].read_bytes()
    files[-1].unlink()
    assert "is gone" in await found(chain)
    files[-1].write_bytes(last)
    assert (await verify_audit(tenant_id=chain.id)).ok
    await intruder.execute(
        "UPDATE audit_checkpoint SET statement = statement || ' '::bytea"
        " WHERE tenant_id = $1 AND batch_number = 2",
        chain.id,
    )
    assert await found(chain) == "the checkpoint of batch 2 differs from its copy"


async def test_checkpoints_of_one_tenant_do_not_pass_for_anothers(
    chain: TestTenant, new_tenant: Callable[..., Awaitable[TestTenant]]
) -> None:
    other = await new_tenant()
    target = _objects(other) / "2026" / "01" / "01"
    target.mkdir(parents=True)
    copied = next(_objects(chain).rglob("000000000001.json"))
    (target / copied.name).write_bytes(copied.read_bytes())
    assert "was removed or replaced" in await found(other)


class _Chain:
    """Tampers in one way at one place, says what must be told of it, and puts everything back."""

    TABLES = ("audit_record", "audit_batch", "audit_checkpoint")

    def __init__(
        self,
        intruder: asyncpg.Connection,
        tenant: TestTenant,
        ids: list[UUID],
        choose: random.Random,
    ) -> None:
        self._intruder = intruder
        self._tenant = tenant
        self._ids = ids
        self._choose = choose
        self._ways: dict[str, Callable[[], Awaitable[str]]] = {
            "edit": self._edit,
            "remove": self._remove,
            "insert": self._insert,
            "reorder": self._reorder,
            "cut": self._cut,
            "rewrite": self._rewrite,
        }

    async def keep(self) -> None:
        for table in self.TABLES:
            await self._intruder.execute(
                f"CREATE TEMP TABLE kept_{table} AS"
                f" SELECT * FROM {table} WHERE tenant_id = '{self._tenant.id}'"
            )

    async def put_back(self) -> None:
        for table in reversed(self.TABLES):
            await self._intruder.execute(
                f"DELETE FROM {table} WHERE tenant_id = $1", self._tenant.id
            )
        for table in self.TABLES:
            await self._intruder.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")

    async def tamper(self, way: str) -> str:
        return await self._ways[way]()

    def _victim(self) -> tuple[UUID, int]:
        """A record, and the batch in which it was sealed."""
        index = self._choose.randrange(len(self._ids))
        return self._ids[index], index // RECORDS_A_BATCH + 1

    async def _edit(self) -> str:
        victim, batch = self._victim()
        column = self._choose.choice(list(EDITS))
        await self._intruder.execute(
            f"UPDATE audit_record SET {column} = {EDITS[column]} WHERE id = $1", victim
        )
        said = "other" if column == "action" else "act"
        return f"record {victim} ({said}) was edited, batch {batch}"

    async def _remove(self) -> str:
        victim, batch = self._victim()
        await self._intruder.execute("DELETE FROM audit_record WHERE id = $1", victim)
        return f"record {victim} was removed, batch {batch}"

    async def _insert(self) -> str:
        model, _ = self._victim()
        forged = new_id()
        await self._intruder.execute(
            "INSERT INTO audit_record SELECT (jsonb_populate_record(r, jsonb_build_object('id',"
            " $2::uuid, 'action', 'forged'))).* FROM audit_record r WHERE id = $1",
            model,
            forged,
        )
        if model == self._ids[-1]:
            # Behind the last that was sealed it is a record like any other, of now.
            await self._intruder.execute(
                "UPDATE audit_record SET xid = (SELECT xid FROM audit_record WHERE id = $2)"
                " WHERE id = $1",
                forged,
                self._ids[0],
            )
        return f"record {forged} (forged) was inserted, batch"

    async def _reorder(self) -> str:
        first, second = sorted(self._choose.sample(range(len(self._ids)), 2))
        await self._intruder.execute(
            "UPDATE audit_record r SET xid = other.xid FROM audit_record other "
            "WHERE (r.id = $1 AND other.id = $2) OR (r.id = $2 AND other.id = $1)",
            self._ids[first],
            self._ids[second],
        )
        return f"record {self._ids[first]} was reordered, batch {first // RECORDS_A_BATCH + 1}"

    async def _cut(self) -> str:
        """With its records, its batches, and the checkpoints that the database keeps of them."""
        stays = self._choose.randrange(BATCHES)
        for table, column in (("audit_checkpoint", "batch_number"), ("audit_batch", "number")):
            await self._intruder.execute(
                f"DELETE FROM {table} WHERE tenant_id = $1 AND {column} > $2",
                self._tenant.id,
                stays,
            )
        await self._intruder.execute(
            "DELETE FROM audit_record WHERE id = ANY($1)", self._ids[stays * RECORDS_A_BATCH :]
        )
        return f"the chain was cut: batch {stays + 1} was signed"

    async def _rewrite(self) -> str:
        """Every hash made anew, and the signed copies inside the database thrown away."""
        victim, batch = self._victim()
        await self._intruder.execute(
            f"UPDATE audit_record SET after = {EDITS['after']} WHERE id = $1", victim
        )
        await _rewrite_chain(self._intruder, self._tenant)
        await self._intruder.execute(
            "DELETE FROM audit_checkpoint WHERE tenant_id = $1", self._tenant.id
        )
        return f"the chain was rewritten between batches {batch} and {batch}"


async def test_any_number_of_random_tamperings_are_all_found_where_they_are(
    chain: TestTenant, intruder: asyncpg.Connection
) -> None:
    """`COUNT=1000` tampers so many times, `SEED=` repeats a run."""
    seed = int(os.environ.get("SEED") or random.randrange(2**32))
    choose = random.Random(seed)
    tampering = _Chain(intruder, chain, await record_ids(intruder, chain), choose)
    await tampering.keep()
    ways = ["edit", "remove", "insert", "reorder", "cut", "rewrite"]
    for number in range(int(os.environ.get("COUNT") or 150)):
        way = ways[number % len(ways)]
        expected = await tampering.tamper(way)
        assert (await found(chain)).startswith(expected), f"SEED={seed}, number {number}: {way}"
        await tampering.put_back()
    assert (await verify_audit(tenant_id=chain.id)).ok


def _objects(tenant: TestTenant) -> Path:
    return Path(urlsplit(settings().object_store_url).path) / "audit" / str(tenant.id)


async def _rewrite_chain(
    intruder: asyncpg.Connection, tenant: TestTenant, *, through: int = BATCHES
) -> None:
    """What somebody who knows this code and owns the database would do: everything but sign."""
    previous = FIRST_PREVIOUS_HASH
    batches = await intruder.fetch(
        "SELECT b.*, e.cluster_id, "
        "(extract(epoch FROM b.sealed_at) * 1000000)::bigint AS sealed_microseconds "
        "FROM audit_batch b JOIN audit_epoch e "
        "ON e.tenant_id = b.tenant_id AND e.number = b.epoch_number "
        "WHERE b.tenant_id = $1 AND b.number <= $2 ORDER BY b.number",
        tenant.id,
        through,
    )
    for batch in batches:
        rows = await intruder.fetch(
            f"SELECT {LEAF_COLUMNS} FROM audit_record WHERE id = ANY($1) ORDER BY xid, id",
            batch["record_ids"],
        )
        leaves = [leaf_hash(row) for row in rows]
        content = BatchContent(
            tenant=tenant.id,
            number=batch["number"],
            epoch_number=batch["epoch_number"],
            cluster_id=batch["cluster_id"],
            last_xid=batch["last_xid"],
            last_id=batch["last_id"],
            record_ids=batch["record_ids"],
            leaves=b"".join(leaves),
            root=merkle_root(leaves),
            previous_hash=previous,
            sealed_at_microseconds=batch["sealed_microseconds"],
        )
        await intruder.execute(
            "UPDATE audit_batch SET leaves = $3, root = $4, previous_hash = $5, hash = $6 "
            "WHERE tenant_id = $1 AND number = $2",
            tenant.id,
            batch["number"],
            content.leaves,
            content.root,
            previous,
            batch_hash(content),
        )
        previous = batch_hash(content)
