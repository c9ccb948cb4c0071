"""Writing the ledger: books and accounts are opened, entries posted, mistakes reversed.

Nothing here changes or removes what is there; the database refuses it to everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.kernel.database import current, fetch, fetch_value
from app.kernel.ids import new_id
from app.kernel.ledger.checking import check_entries, mirrored
from app.kernel.ledger.errors import EntryInvalid
from app.kernel.ledger.posting import FEW_POSTINGS_MAX, post_many, post_one
from app.kernel.ledger.queries import entry_view
from app.kernel.ledger.values import AccountSpec, Entry

# Book, asset, kind and owner: what names an account.
_Purpose = tuple[UUID, str, str, UUID | None]


async def open_book(*, name: str, subject_kind: str, subject_id: UUID) -> UUID:
    """The book of this subject, made if there is none."""
    tenant = current().tenant
    made: UUID | None = await fetch_value(
        "INSERT INTO ledger_book (tenant_id, id, name, subject_kind, subject_id) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT ledger_book_subject DO NOTHING "
        "RETURNING id",
        tenant,
        new_id(),
        name,
        subject_kind,
        subject_id,
    )
    if made is not None:
        return made
    # A second statement, because the first cannot see what a concurrent twin has just committed.
    there: UUID = await fetch_value(
        "SELECT id FROM ledger_book WHERE tenant_id = $1 AND subject_kind = $2 AND subject_id = $3",
        tenant,
        subject_kind,
        subject_id,
    )
    return there


_OPEN = """
WITH given AS (
  SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::boolean[],
    $8::text[]) AS g (id, book_id, asset, kind, owner_id, floored, name)
), made AS (
  INSERT INTO ledger_account (tenant_id, id, book_id, asset, kind, owner_id, floored, name)
  SELECT $1, given.* FROM given ORDER BY book_id, asset, kind, owner_id
  ON CONFLICT ON CONSTRAINT ledger_account_purpose DO NOTHING
  RETURNING id, book_id, asset, kind, owner_id, floored
), rows AS (
  INSERT INTO ledger_balance (tenant_id, account_id) SELECT $1, id FROM made WHERE floored
)
SELECT id, book_id, asset, kind, owner_id, floored FROM made
UNION ALL
SELECT a.id, a.book_id, a.asset, a.kind, a.owner_id, a.floored
FROM ledger_account a
JOIN (SELECT DISTINCT book_id, asset, kind, owner_id FROM given) g
  ON g.book_id = a.book_id AND g.asset = a.asset AND g.kind = a.kind
 AND g.owner_id IS NOT DISTINCT FROM a.owner_id
WHERE a.tenant_id = $1
"""


async def open_accounts(*, specs: Sequence[AccountSpec]) -> list[UUID]:
    """The ids of these accounts, in order; those that are not there yet are opened.

    Raises `EntryInvalid` when one is there but floored otherwise than asked.
    """
    wanted: list[_Purpose] = [
        (spec.book_id, spec.asset, spec.kind, spec.owner_id) for spec in specs
    ]
    found = await _opened(specs)
    if any(key not in found for key in wanted):
        # A concurrent twin opened one of them while this waited for it: now it can be seen.
        found = await _opened(specs)
    for spec, key in zip(specs, wanted, strict=True):
        if found[key][1] != spec.floored:
            raise EntryInvalid(f"account {spec.name!r} exists and floored={found[key][1]}")
    return [found[key][0] for key in wanted]


async def _opened(specs: Sequence[AccountSpec]) -> dict[_Purpose, tuple[UUID, bool]]:
    """Id and floor of each that is there, or is opened by this."""
    rows = await fetch(
        _OPEN,
        current().tenant,
        [new_id() for _ in specs],
        [spec.book_id for spec in specs],
        [spec.asset for spec in specs],
        [spec.kind for spec in specs],
        [spec.owner_id for spec in specs],
        [spec.floored for spec in specs],
        [spec.name for spec in specs],
    )
    return {
        (row["book_id"], row["asset"], row["kind"], row["owner_id"]): (row["id"], row["floored"])
        for row in rows
    }


async def post_entries(*, entries: Sequence[Entry]) -> list[UUID]:
    """Post `entries`, all or none, and return their ids in order. Call it once a unit of work,
    with everything that it posts: balance rows stay locked until it ends.

    An entry whose idempotency key was posted before is not posted again: the id is the first
    one's. Raises `BalanceTooLow`, `EntryReversedAlready`, and `EntryInvalid` for what should never
    have been built. After any of them the unit of work can only be rolled back.
    """
    if not entries:
        return []
    check_entries(entries)
    [first, *others] = entries
    if others or len(first.postings) > FEW_POSTINGS_MAX:
        return await post_many(entries)
    return [await post_one(first)]


async def reverse_entry(*, entry_id: UUID, reason: str, idempotency_key: str) -> UUID:
    """Post the mirror of an entry, effective on the same day and naming it; returns its id.

    Raises `NotFound`, `EntryReversedAlready`, and `BalanceTooLow` when what the entry brought is
    no longer there.
    """
    entry = await entry_view(entry_id=entry_id)
    reversal = Entry(
        book_id=entry.book_id,
        idempotency_key=idempotency_key,
        operation="reverse_entry",
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        effective_on=entry.effective_on,
        narrative=reason,
        reverses_id=entry.id,
        postings=mirrored(entry.postings),
    )
    return (await post_entries(entries=[reversal]))[0]


async def take_snapshots(*, postings_min: int = 500) -> int:
    """Snapshot every unfloored account that has at least `postings_min` postings since its last
    one, so that asking for its balance stays quick. Returns how many were taken.

    Everything below the oldest transaction still running is final: no posting can join it later.
    """
    taken: int = await fetch_value(_SNAPSHOT, current().tenant, postings_min)
    return taken


_SNAPSHOT = """
WITH here AS (
  SELECT cluster_identifier() AS cluster_id, pg_snapshot_xmin(pg_current_snapshot()) AS horizon
), due AS (
  SELECT a.id, s.horizon AS from_xid, coalesce(s.balance, 0) AS balance
  FROM ledger_account a CROSS JOIN here
  LEFT JOIN LATERAL (
    SELECT horizon, balance FROM ledger_snapshot s
    WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.cluster_id = here.cluster_id
    ORDER BY s.horizon DESC LIMIT 1
  ) s ON true
  WHERE a.tenant_id = $1 AND NOT a.floored
), later AS (
  SELECT due.id, due.balance + l.amount AS balance FROM due CROSS JOIN here
  CROSS JOIN LATERAL (
    SELECT sum(p.amount) AS amount, count(*) AS postings FROM ledger_posting p
    WHERE p.tenant_id = $1 AND p.account_id = due.id
      AND p.xid >= coalesce(due.from_xid, '0'::xid8) AND p.xid < here.horizon
  ) l
  WHERE l.postings >= greatest($2, 1)
), taken AS (
  INSERT INTO ledger_snapshot (tenant_id, account_id, cluster_id, horizon, balance)
  SELECT $1, later.id, here.cluster_id, here.horizon, later.balance FROM later CROSS JOIN here
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT count(*) FROM taken
"""
