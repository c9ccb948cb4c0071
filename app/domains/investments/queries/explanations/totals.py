"""The sums that dashboards begin with: which parts they are made of, and each part's address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import msgspec

from app.domains.investments.desk_values import Coverage
from app.domains.investments.queries.book_moves import midnight, moved_since, moves
from app.domains.investments.queries.client_book import book_totals, subscriptions_of_book
from app.domains.investments.queries.dashboards import SETTLING, coverage, net_totals
from app.domains.investments.queries.explanations.explanation import Explanation
from app.domains.investments.queries.explanations.sums import (
    Part,
    Sum,
    explanation_of,
    of_holding,
    sums_of,
)
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.redemption_lists import queue
from app.domains.investments.queries.subscriptions import own_subscriptions, totals_of
from app.domains.investments.values import (
    AssetTotal,
    CustodyAccountView,
    CustodyKind,
    RedemptionRow,
    RedemptionState,
)
from app.kernel.database import current, fetch_value
from app.kernel.errors import NotFound
from app.kernel.money import ZERO, plain


class _Total(msgspec.Struct, frozen=True, kw_only=True):
    """`permission` is that of the dashboard on which the total stands."""

    name: str
    title: str
    subject: str
    words: str
    back: str
    permission: str
    read: Callable[[], Awaitable[Sequence[Sum]]]


async def explain_totals(*, total: str = "", asset: str = "") -> list[Explanation]:
    """Every total of the viewer's own dashboard, or those named; each in one asset.

    Raises `NotFound` where something is named, and the viewer has no such total.
    """
    actor = current().actor
    found = [
        explanation_of(
            one, title=kind.title, subject=kind.subject, words=kind.words, back=kind.back
        )
        for kind in _TOTALS
        if actor.may(kind.permission) and total in ("", kind.name)
        for one in await kind.read()
        if asset in ("", one.asset)
    ]
    if not found and (total or asset):
        raise NotFound
    return found


def _of_redemption(row: RedemptionRow) -> Part:
    return Part(
        label=f"Net of {row.reference}, {row.client_name}",
        asset=row.amounts.asset,
        value=row.amounts.net,
        explained_at=f"/explain/redemptions/{row.id}?amount=net",
    )


async def _worth() -> list[Sum]:
    held = await own_subscriptions()
    return sums_of(totals_of(held), [of_holding(view, "value") for view in held])


async def _gained() -> list[Sum]:
    held = await own_subscriptions()
    gained = [
        AssetTotal(asset=one.asset, places=one.places, value=one.gained, gained=one.gained)
        for one in totals_of(held)
    ]
    return sums_of(gained, [of_holding(view, "gained") for view in held])


async def _book() -> list[Sum]:
    held = await subscriptions_of_book()
    return sums_of(await book_totals(), [of_holding(view, "value", named=True) for view in held])


def _moved(way: str) -> Callable[[], Awaitable[list[Sum]]]:
    async def read() -> list[Sum]:
        zone = await fetch_value("SELECT time_zone FROM tenant WHERE id = $1", current().tenant)
        today = midnight(zone)
        parts = [
            Part(
                label=f"{one.client_name}, {one.reference}",
                asset=one.asset,
                value=one.amount,
                source="the deposit, as it was confirmed" if way == "in" else "",
                explained_at=f"/explain/redemptions/{one.redemption_id}?amount=net"
                if one.redemption_id
                else "",
            )
            for one in await moves(way=way, today=today)
        ]
        return sums_of((await moved_since(today=today))[way], parts)

    return read


async def _waiting() -> list[Sum]:
    state = RedemptionState.pending_approval
    if current().actor.may("redemption:clear"):
        state = RedemptionState.pending_compliance
    rows = await queue(states=[state])
    return sums_of(net_totals(rows), [_of_redemption(row) for row in rows])


async def _due() -> list[Sum]:
    rows = await queue(states=SETTLING)
    return sums_of(net_totals(rows), [_of_redemption(row) for row in rows])


async def _covered() -> tuple[list[Coverage], list[CustodyAccountView], list[RedemptionRow]]:
    accounts = await custody_accounts()
    rows = await queue(states=[RedemptionState.approved])
    return coverage(rows, accounts), accounts, rows


async def _free() -> list[Sum]:
    covered, accounts, _ = await _covered()
    parts = [
        Part(
            label=f"{account.name} of {account.product_name}",
            asset=account.asset,
            value=account.free,
            explained_at=f"/explain/vaults/{account.id}?amount=free",
        )
        for account in accounts
        if account.kind is CustodyKind.staging_vault
    ]
    totals = [_total(cover, cover.free) for cover in covered]
    return sums_of(totals, parts)


async def _unset() -> list[Sum]:
    covered, _, rows = await _covered()
    return sums_of(
        [_total(cover, cover.due) for cover in covered], [_of_redemption(row) for row in rows]
    )


async def _short() -> list[Sum]:
    covered, _, rows = await _covered()
    found = []
    for cover in covered:
        at = f"/explain/totals?asset={cover.asset}&total="
        due = sum((row.amounts.net for row in rows if row.amounts.asset == cover.asset), ZERO)
        parts = [
            Part(
                label="Still to set aside", asset=cover.asset, value=due, explained_at=f"{at}unset"
            ),
            Part(
                label="Free in staging",
                asset=cover.asset,
                value=cover.free,
                explained_at=f"{at}free",
            ),
        ]
        found.append(
            Sum(
                asset=cover.asset,
                places=cover.places,
                amount=cover.short,
                recomputed=max(due - cover.free, ZERO),
                parts=parts,
                figures=f"{plain(due)} − {plain(cover.free)}",
            )
        )
    return found


def _total(cover: Coverage, value: Decimal) -> AssetTotal:
    return AssetTotal(asset=cover.asset, places=cover.places, value=value, gained=ZERO)


_TOTALS = (
    _Total(
        name="worth",
        title="Worth today",
        subject="Your holdings",
        words="Sum of what each holding is worth today",
        back="/holdings",
        permission="redemption:request",
        read=_worth,
    ),
    _Total(
        name="gained",
        title="Gained since the start",
        subject="Your holdings",
        words="Sum of what each holding has gained",
        back="/holdings",
        permission="redemption:request",
        read=_gained,
    ),
    _Total(
        name="book",
        title="Your clients' total",
        subject="Your client book",
        words="Sum of what each of your clients' holdings is worth today",
        back="/approvals",
        permission="redemption:approve",
        read=_book,
    ),
    _Total(
        name="in",
        title="In today",
        subject="Your client book",
        words="Sum of your clients' deposits that were confirmed today",
        back="/approvals",
        permission="redemption:approve",
        read=_moved("in"),
    ),
    _Total(
        name="out",
        title="Out today",
        subject="Your client book",
        words="Sum of the nets that were paid to your clients today",
        back="/approvals",
        permission="redemption:approve",
        read=_moved("out"),
    ),
    _Total(
        name="waiting",
        title="Value waiting",
        subject="What waits for a decision",
        words="Sum of the nets of the requests that wait",
        back="/approvals",
        permission="redemption:approve",
        read=_waiting,
    ),
    _Total(
        name="waiting",
        title="Value waiting",
        subject="What waits for compliance",
        words="Sum of the nets of the requests that wait",
        back="/approvals",
        permission="redemption:clear",
        read=_waiting,
    ),
    _Total(
        name="due",
        title="Due to clients",
        subject="The settlement queue",
        words="Sum of the nets that are approved and not yet paid",
        back="/settlement",
        permission="redemption:settle",
        read=_due,
    ),
    _Total(
        name="free",
        title="Free in staging",
        subject="The staging vaults",
        words="Sum of what each staging vault has free",
        back="/settlement",
        permission="redemption:settle",
        read=_free,
    ),
    _Total(
        name="unset",
        title="Still to set aside",
        subject="The settlement queue",
        words="Sum of the nets that are approved, and for which nothing is set aside yet",
        back="/settlement",
        permission="redemption:settle",
        read=_unset,
    ),
    _Total(
        name="short",
        title="Short of what is due",
        subject="The staging vaults",
        words="Still to set aside − free in staging; nothing where enough is free",
        back="/settlement",
        permission="redemption:settle",
        read=_short,
    ),
)
