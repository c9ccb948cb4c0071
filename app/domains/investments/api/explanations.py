"""How an amount was computed, over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from app.domains.investments.queries.explanations.accounts import explain_account
from app.domains.investments.queries.explanations.allowances import explain_allowance
from app.domains.investments.queries.explanations.clients import explain_client
from app.domains.investments.queries.explanations.explanation import Explanation, Unit
from app.domains.investments.queries.explanations.holdings import explain_holding
from app.domains.investments.queries.explanations.redemptions import (
    explain_quote,
    explain_redemption,
)
from app.domains.investments.queries.explanations.totals import explain_totals
from app.domains.investments.queries.explanations.vaults import explain_vault
from app.kernel.errors import NotFound
from app.kernel.money import plain, round_half_even
from app.web.api import Envelope, envelope
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

_OF_REDEMPTION = "principal, yield, gross, penalty, fee, deductions or net"


class InputOut(msgspec.Struct, frozen=True, kw_only=True):
    """`unit`: money, units, rate (a fraction), days, per_unit, or quantity (of another asset, which
    the label names). `explanation` is the address of the input's own, where it was computed itself.
    """

    label: str
    value: str
    unit: str
    source: str
    explanation: str | None


class EntryLineOut(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    narrative: str
    effective_on: str
    may_open: bool


class ExplanationOut(msgspec.Struct, frozen=True, kw_only=True):
    """`recomputed` is what the inputs give now; `agrees` says whether that is what was recorded.

    It is null where the inputs of that time were not kept. `entries` are the latest of
    `entry_count`.
    """

    title: str
    subject: str
    unit: str
    asset: str
    amount: str
    formula: str
    figures: str
    rounding: str
    inputs: list[InputOut]
    recomputed: str | None
    agrees: bool
    entries: list[EntryLineOut]
    entry_count: int
    note: str


class TotalsOut(msgspec.Struct, frozen=True, kw_only=True):
    totals: list[ExplanationOut]


class Explanations(Controller):
    """Each reads all of one moment: what is posted meanwhile would look like a fault."""

    path = "/investments/explanations"
    tags = ["Explanations"]

    @get(
        "/redemptions/{redemption_id:uuid}",
        guards=[requires("redemption:read")],
        summary="How principal, yield, gross, penalty, fee, net or units of a redemption came about",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def redemption(
        self,
        request: PortalRequest,
        redemption_id: FromPath[UUID],
        amount: Annotated[
            str, QueryParameter(description=f"{_OF_REDEMPTION}; units; or usd")
        ] = "net",
    ) -> Envelope[ExplanationOut]:
        found = await explain_redemption(redemption_id=redemption_id, amount=amount)
        return envelope(request, explanation_out(found))

    @get(
        "/holdings/{subscription_id:uuid}",
        guards=[requires("subscription:read")],
        summary="How value, yield, gain, principal or units of a subscription came about",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def holding(
        self,
        request: PortalRequest,
        subscription_id: FromPath[UUID],
        amount: Annotated[
            str,
            QueryParameter(
                description="value, yield, gained, principal (of all that is held), free_value;"
                " or units: units (issued), held, locked, free"
            ),
        ] = "value",
    ) -> Envelope[ExplanationOut]:
        found = await explain_holding(subscription_id=subscription_id, amount=amount)
        return envelope(request, explanation_out(found))

    @get(
        "/vaults/{account_id:uuid}",
        guards=[requires("custody:read")],
        summary="How what a vault is expected to hold, has reserved, free, or too little came about",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def vault(
        self,
        request: PortalRequest,
        account_id: FromPath[UUID],
        amount: Annotated[
            str,
            QueryParameter(description="expected, reserved, free, difference, in_flight or short"),
        ] = "expected",
        redemption_id: Annotated[
            UUID | None, QueryParameter(description="Of short: for which redemption")
        ] = None,
    ) -> Envelope[ExplanationOut]:
        found = await explain_vault(
            account_id=account_id, amount=amount, redemption_id=redemption_id
        )
        return envelope(request, explanation_out(found))

    @get(
        "/quotes/{quote_id:uuid}",
        guards=[requires("redemption:request")],
        summary="How principal, yield, gross, penalty, fee, deductions or net of a quote came about",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def quote(
        self,
        request: PortalRequest,
        quote_id: FromPath[UUID],
        amount: Annotated[str, QueryParameter(description=_OF_REDEMPTION)] = "net",
    ) -> Envelope[ExplanationOut]:
        found = await explain_quote(quote_id=quote_id, amount=amount)
        return envelope(request, explanation_out(found))

    @get(
        "/allowances/{subscription_id:uuid}",
        guards=[requires("redemption:request")],
        summary="How what is left of one's limit today is computed",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def allowance(
        self, request: PortalRequest, subscription_id: FromPath[UUID]
    ) -> Envelope[ExplanationOut]:
        """Of the subscription's product."""
        found = await explain_allowance(subscription_id=subscription_id)
        return envelope(request, explanation_out(found))

    @get(
        "/clients/{client_id:uuid}",
        guards=[requires("client:read")],
        summary="How a client's worth, gain or payouts in an asset, or all in dollars, add up",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def client(
        self,
        request: PortalRequest,
        client_id: FromPath[UUID],
        amount: Annotated[str, QueryParameter(description="worth, gained, paid or usd")] = "usd",
        asset: Annotated[str, QueryParameter(description="Of all but usd: in which asset")] = "",
    ) -> Envelope[ExplanationOut]:
        found = await explain_client(client_id=client_id, amount=amount, asset=asset)
        return envelope(request, explanation_out(found))

    @get(
        "/accounts/{account_id:uuid}",
        guards=[requires("ledger:read")],
        summary="How the balance of a ledger account adds up",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def account(
        self, request: PortalRequest, account_id: FromPath[UUID]
    ) -> Envelope[ExplanationOut]:
        found = await explain_account(account_id=account_id)
        return envelope(request, explanation_out(found))

    @get(
        "/totals",
        guards=[requires("redemption:read")],
        refusals=[NotFound],
        summary="How the totals of one's own dashboard are made up",
    )
    @transactional(read_only=True, isolation="repeatable read")
    async def totals(
        self,
        request: PortalRequest,
        total: Annotated[
            str,
            QueryParameter(
                description="worth, gained, book, in, out, waiting, due, free, unset or short;"
                " else all"
            ),
        ] = "",
        asset: Annotated[str, QueryParameter(description="Those in this asset; else in all")] = "",
    ) -> Envelope[TotalsOut]:
        found = await explain_totals(total=total, asset=asset)
        return envelope(request, TotalsOut(totals=[explanation_out(one) for one in found]))


def explanation_out(view: Explanation) -> ExplanationOut:
    return ExplanationOut(
        title=view.title,
        subject=view.subject,
        unit=view.unit.value,
        asset=view.asset,
        amount=_shown(view.amount, view.unit, view.places),
        formula=view.words,
        figures=view.figures,
        rounding=view.rounding,
        inputs=[
            InputOut(
                label=given.label,
                value=_shown(given.value, given.unit, view.places),
                unit=given.unit.value,
                source=given.source,
                explanation=f"/api/v1/investments/explanations{_rest_of(given.explained_at)}"
                if given.explained_at
                else None,
            )
            for given in view.inputs
        ],
        recomputed=None
        if view.recomputed is None
        else _shown(view.recomputed, view.unit, view.places),
        agrees=view.agrees,
        entries=[
            EntryLineOut(
                id=line.id,
                narrative=line.narrative,
                effective_on=line.effective_on.isoformat(),
                may_open=line.may_open,
            )
            for line in view.entries
        ],
        entry_count=view.entry_count,
        note=view.note,
    )


def _shown(value: Decimal, unit: Unit, places: int) -> str:
    """Money at its places; where it has more (what does not agree may), every digit it has."""
    rounded = round_half_even(value, places=places)
    return format(rounded, "f") if unit is Unit.money and rounded == value else plain(value)


def _rest_of(page: str) -> str:
    return page.removeprefix("/explain")
