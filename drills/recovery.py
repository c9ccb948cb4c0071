"""R8: the database is lost. A synchronous standby takes over; a backup is brought back to a moment.

On clusters of its own, with PostgreSQL's own tools: pg_basebackup, archived write-ahead log,
pg_promote. The stage lends its settings only.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from app.embedded.ports import free_port
from app.embedded.postgres import Postgres
from app.embedded.postgres_binaries import binaries_for
from drills.drill import Drill, Round
from drills.stage import Stage, until
from tests.support.database import connected

FILL_MEGABYTES = 256
SECONDS_A_GIGABYTE_MAX = 60.0
GIGABYTE = 1 << 30
STANDBY = "standby"
PASSWORD = "for-the-drill-alone"


async def run(turn: Round) -> None:
    clusters = Clusters(turn.folder, turn.stage)
    try:
        await _run(turn, clusters)
    finally:
        for postgres in clusters.all:
            postgres.stop()


async def _run(turn: Round, clusters: Clusters) -> None:
    primary = await clusters.primary()
    await clusters.prepare(primary)
    await clusters.fill(primary, FILL_MEGABYTES)
    clusters.back_up(primary, "base")
    standby = await clusters.standby(primary)
    writer = await Writer.start(clusters, primary)
    await writer.has_committed(10)
    await asyncio.sleep(turn.dice.uniform(0, 1))

    # What is known to be there at a moment, to which a backup is brought back later.
    before = set(writer.told)
    moment = await clusters.ask(primary, "SELECT clock_timestamp()::text")
    await writer.has_committed(len(writer.told) + 5)
    await clusters.archived(primary)
    told_then = list(writer.told)
    await writer.has_committed(len(told_then) + 5)

    await asyncio.sleep(turn.dice.uniform(0, 0.5))
    clusters.kill(primary)
    lost_at = time.monotonic()
    await writer.ended()
    await clusters.ask(standby, "SELECT pg_promote(true, 30)")
    # Nobody stands by for the one that stood by: it answers for itself.
    second = await Writer.start(clusters, standby)
    await second.has_committed(1)
    turn.measured("failover s", time.monotonic() - lost_at)
    await second.stop()
    missing = set(writer.told) - await clusters.redemptions(standby)
    assert not missing, f"{len(missing)} of {len(writer.told)} acknowledged are missing"
    turn.counted("acknowledged before the loss", len(writer.told))
    await clusters.verify(standby)

    seconds = await _restored(turn, clusters, moment)
    restored = clusters.all[-1]
    there = await clusters.redemptions(restored)
    assert before <= there, "what had been committed by then is missing"
    late = set(writer.told[-3:]) & there
    assert not late, "the restore went on beyond its moment"
    await clusters.verify(restored)
    size = await clusters.ask(restored, "SELECT pg_database_size(current_database())")
    turn.measured("restore s", seconds)
    rate = seconds / (size / GIGABYTE)
    turn.measured("restore a gigabyte s", rate, at_most=SECONDS_A_GIGABYTE_MAX)


async def _restored(turn: Round, clusters: Clusters, moment: str) -> float:
    """The backup put back and rolled forward to the moment; returns the seconds until it serves."""
    began = time.monotonic()
    folder = turn.folder / "restored"
    await asyncio.to_thread(shutil.copytree, turn.folder / "base", folder)
    clusters.configure(
        folder,
        restore_command=f"cp {clusters.archive}/%f %p",
        recovery_target_time=moment,
        recovery_target_action="promote",
        archive_mode="off",
        synchronous_standby_names="",
    )
    (folder / "recovery.signal").touch()
    postgres = clusters.cluster("restored")
    await clusters.up(postgres)

    async def is_writable() -> bool:
        return not await clusters.ask(postgres, "SELECT pg_is_in_recovery()")

    await until(is_writable, seconds=120, what="the end of the recovery")
    return time.monotonic() - began


@dataclass
class Clusters:
    """Clusters of one round, in folders beside each other."""

    folder: Path
    stage: Stage
    all: list[Postgres] = field(default_factory=list)

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def cluster(self, name: str) -> Postgres:
        postgres = Postgres(
            data=self.folder / name,
            port=free_port(),
            password=PASSWORD,
            log=self.stage.services.logs / f"{self.folder.name}-{name}.log",
        )
        self.all.append(postgres)
        return postgres

    async def primary(self) -> Postgres:
        """Its log is archived as soon as a segment of it is full, or asked for."""
        self.archive.mkdir()
        postgres = self.cluster("primary")
        postgres.start()
        postgres.stop()
        self.configure(
            self.folder / "primary",
            archive_mode="on",
            archive_command=f"test ! -f {self.archive}/%f && cp %p {self.archive}/%f",
        )
        await self.up(postgres)
        return postgres

    async def standby(self, primary: Postgres) -> Postgres:
        """From now on no commit is acknowledged that the standby has not on disk as well."""
        self.back_up(primary, STANDBY)
        self.configure(
            self.folder / STANDBY,
            primary_conninfo=f"host=127.0.0.1 port={primary.port} user=postgres"
            f" password={PASSWORD} application_name={STANDBY}",
            archive_mode="off",
        )
        (self.folder / STANDBY / "standby.signal").touch()
        postgres = self.cluster(STANDBY)
        await self.up(postgres)
        async with connected(primary.url()) as admin:
            await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
            await admin.execute("SELECT pg_reload_conf()")

        async def is_synchronous() -> bool:
            states = "SELECT coalesce(string_agg(sync_state, ','), '') FROM pg_stat_replication"
            return bool(await self.ask(primary, states) == "sync")

        await until(is_synchronous, seconds=20, what="the standby to be synchronous")
        return postgres

    def back_up(self, primary: Postgres, name: str) -> None:
        binaries_for(self.folder / name).run(
            "pg_basebackup",
            f"--dbname={primary.url()}",
            f"--pgdata={self.folder / name}",
            "--wal-method=stream",
            "--checkpoint=fast",
        )

    @staticmethod
    def configure(data: Path, **settings: str) -> None:
        """Of settings that are there twice PostgreSQL takes the last."""
        with (data / "postgresql.auto.conf").open("a") as file:
            for name, value in settings.items():
                file.write(f"{name} = '{value}'\n")

    async def up(self, postgres: Postgres) -> None:
        postgres.restart()

        async def is_ready() -> bool:
            if not postgres.child.is_running:
                raise postgres.child.failure("ended while starting")
            return await asyncio.to_thread(postgres.is_ready)

        await until(is_ready, seconds=60, what="a cluster")

    def kill(self, postgres: Postgres) -> None:
        """SIGKILL of the server and all its backends: as though the machine had gone."""
        pid = postgres.child.pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)

    async def prepare(self, postgres: Postgres) -> None:
        await self.stakehold(postgres, "bootstrap")
        await self.stakehold(postgres, "migrate")

    async def fill(self, postgres: Postgres, megabytes: int) -> None:
        """Ballast, so that a restore has something to carry: a kilobyte a row."""
        if megabytes:
            async with connected(self.urls(postgres)["DATABASE_OWNER_URL"]) as owner:
                await owner.execute("CREATE TABLE ballast (id int, content text)")
                await owner.execute(
                    "INSERT INTO ballast SELECT n, string_agg(md5(random()::text || i), '')"
                    f" FROM generate_series(1, {megabytes} * 1024) n, generate_series(1, 31) i"
                    " GROUP BY n"
                )

    async def archived(self, primary: Postgres) -> None:
        """Everything up to now is in the archive."""
        segment = await self.ask(primary, "SELECT pg_walfile_name(pg_switch_wal())")

        async def is_archived() -> bool:
            return (self.archive / segment).exists()

        await until(is_archived, seconds=30, what="the write-ahead log to be archived")

    async def ask(self, postgres: Postgres, sql: str) -> Any:
        async with connected(_named(postgres.url(), self._database)) as admin:
            return await admin.fetchval(sql)

    async def redemptions(self, postgres: Postgres) -> set[str]:
        async with connected(_named(postgres.url(), self._database)) as admin:
            return {str(row["id"]) for row in await admin.fetch("SELECT id FROM redemption")}

    async def verify(self, postgres: Postgres) -> None:
        said = await self.stakehold(postgres, "verify")
        assert "everything holds" in said, said

    async def stakehold(self, postgres: Postgres, command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", command),
            env=os.environ | self.urls(postgres),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, f"{command}: {said.decode()[-1500:]}"
        return said.decode()

    def urls(self, postgres: Postgres) -> dict[str, str]:
        """The settings of the portal on this cluster."""
        settings = self.stage.services.environment()
        found = {
            name: _at(settings[name], postgres.port)
            for name in ("DATABASE_URL", "DATABASE_OWNER_URL")
        }
        return found | {
            "DATABASE_ADMIN_URL": postgres.url(),
            "OBJECT_STORE_URL": (self.folder / "objects").as_uri(),
        }

    @property
    def _database(self) -> str:
        return urlsplit(self.stage.urls.app).path


@dataclass
class Writer:
    """`committing.py` as a process; `told` are the ids that it has acknowledged, in order."""

    process: asyncio.subprocess.Process
    told: list[str] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, clusters: Clusters, postgres: Postgres) -> Writer:
        (clusters.folder / "objects").mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "drills.committing"),
            env=os.environ | clusters.urls(postgres),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        writer = cls(process)
        writer.reading = asyncio.create_task(writer._read())
        return writer

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told.append(line.decode().strip())

    async def has_committed(self, count: int) -> None:
        async def enough() -> bool:
            assert self.process.returncode is None, "the writer ended"
            return len(self.told) >= count

        await until(enough, seconds=60, what="commits")

    async def ended(self) -> None:
        """By itself: its database is gone."""
        assert self.reading is not None
        await asyncio.wait_for(self.process.wait(), 30)
        await self.reading

    async def stop(self) -> None:
        self.process.terminate()
        await self.ended()


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.username}:{quote(parts.password or '', safe='')}@127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=netloc))


def _named(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))


DRILL = Drill(
    name="R8",
    injects="SIGKILL of PostgreSQL under load; failover to a synchronous standby; a backup brought"
    " back to a moment",
    to_reach="no committed entry lost with a synchronous standby; restored in 60 s a GB",
    rounds=20,
    run=run,
    has_short=False,
    seconds_max=600,
)
