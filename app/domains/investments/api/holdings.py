"""What clients hold and where they are paid to: deposits, subscriptions, destinations."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from app.domains.investments.forms import destination_kind
from app.domains.investments.operations.deposit_confirm import TransactionKnown, confirm_deposit
from app.domains.investments.operations.destination_add import DestinationExists, add_destination
from app.domains.investments.operations.destination_revoke import revoke_destination
from app.domains.investments.operations.subscription_open import (
    DepositUsed,
    ProductNotOpen,
    open_subscription,
)
from app.domains.investments.queries.destinations import (
    destination_page,
    own_destination,
    own_destinations,
)
from app.domains.investments.queries.subscriptions import subscription, subscriptions
from app.domains.investments.schemas.holdings import (
    DepositBody,
    DestinationBody,
    DestinationOut,
    RevocationOut,
    SubscriptionBody,
    SubscriptionOut,
    destination_out,
    revocation_out,
    subscription_out,
)
from app.domains.investments.schemas.shapes import Identified
from app.kernel.errors import NotFound
from app.kernel.money import parse_amount
from app.web.api import (
    LIMIT_DEFAULT,
    Cursor,
    Envelope,
    Limit,
    cursor_id,
    envelope,
    page_of,
)
from app.web.guards import requires
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Holdings(Controller):
    path = "/investments"
    tags = ["Investments"]

    @get(
        "/subscriptions",
        guards=[requires("subscription:read")],
        summary="A member's own subscriptions; for staff those they serve",
    )
    @transactional(read_only=True)
    async def subscriptions(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[SubscriptionOut]]:
        found = await subscriptions(after=cursor_id(cursor), limit=limit + 1)
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [subscription_out(view) for view in shown], page=page)

    @get(
        "/subscriptions/{subscription_id:uuid}",
        guards=[requires("subscription:read")],
        summary="One subscription",
    )
    @transactional(read_only=True)
    async def subscription(
        self, request: PortalRequest, subscription_id: FromPath[UUID]
    ) -> Envelope[SubscriptionOut]:
        found = await subscription(subscription_id=subscription_id)
        return envelope(request, subscription_out(found))

    @post(
        "/subscriptions",
        guards=[requires("deposit:write")],
        refusals=[NotFound, DepositUsed, ProductNotOpen],
        rules={"term_months": ["NOT_OFFERED"], "deposit_id": ["OUTSIDE_LIMITS"]},
        summary="Open a subscription from a confirmed deposit",
    )
    @transactional(idempotent=True, moves_money=True)
    async def open(
        self, request: PortalRequest, data: JSONBody[SubscriptionBody]
    ) -> Envelope[Identified]:
        opened = await open_subscription(deposit_id=data.deposit_id, term_months=data.term_months)
        return envelope(request, Identified(id=opened))

    @post(
        "/deposits",
        guards=[requires("deposit:write")],
        refusals=[TransactionKnown],
        rules={
            "amount": ["NOT_A_NUMBER", "NOT_POSITIVE", "TOO_MANY_DECIMALS"],
            "client_id": ["UNKNOWN_CLIENT"],
            "staging_account_id": ["NOT_A_STAGING_VAULT"],
            "transaction_reference": ["LENGTH"],
        },
        summary="Confirm a client's deposit",
    )
    @transactional(idempotent=True, moves_money=True)
    async def deposit(
        self, request: PortalRequest, data: JSONBody[DepositBody]
    ) -> Envelope[Identified]:
        confirmed = await confirm_deposit(
            client_id=data.client_id,
            staging_account_id=data.staging_account_id,
            amount=parse_amount(data.amount, field="amount"),
            transaction_reference=data.transaction_reference,
        )
        return envelope(request, Identified(id=confirmed))

    @get(
        "/destinations",
        guards=[requires("destination:read")],
        summary="Where the client can be paid to",
    )
    @transactional(read_only=True)
    async def destinations(
        self, request: PortalRequest, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Envelope[list[DestinationOut]]:
        found = await own_destinations(after=cursor_id(cursor), limit=limit + 1)
        shown, page = page_of(found, limit, lambda view: view.id)
        return envelope(request, [destination_out(view) for view in shown], page=page)

    @get(
        "/destinations/{destination_id:uuid}",
        guards=[requires("destination:read")],
        summary="One destination",
    )
    @transactional(read_only=True)
    async def destination(
        self, request: PortalRequest, destination_id: FromPath[UUID]
    ) -> Envelope[DestinationOut]:
        found = await own_destination(destination_id=destination_id)
        return envelope(request, destination_out(found))

    @post(
        "/destinations",
        guards=[requires("destination:write")],
        refusals=[NotFound, DestinationExists],
        rules={
            "label": ["REQUIRED"],
            "kind": ["UNKNOWN_KIND"],
            "asset": ["NOT_AN_ASSET"],
            "network": ["REQUIRED", "UNKNOWN_NETWORK"],
            "address": ["NOT_AN_ADDRESS", "WRONG_CHECKSUM"],
        },
        summary="Add a destination; usable 24 hours later",
    )
    @transactional(idempotent=True)
    async def add_destination(
        self, request: PortalRequest, data: JSONBody[DestinationBody]
    ) -> Envelope[DestinationOut]:
        added = await add_destination(
            label=data.label,
            kind=destination_kind(data.kind),
            asset=data.asset,
            network=data.network,
            address=data.address,
        )
        return envelope(request, destination_out(await own_destination(destination_id=added)))

    @get(
        "/destinations/{destination_id:uuid}/revocation",
        guards=[requires("destination:read")],
        summary="Which open requests revoking a destination would hold",
    )
    @transactional(read_only=True)
    async def revocation(
        self, request: PortalRequest, destination_id: FromPath[UUID]
    ) -> Envelope[RevocationOut]:
        found = await destination_page(destination_id=destination_id)
        return envelope(request, revocation_out(found))

    @post(
        "/destinations/{destination_id:uuid}/revoke",
        status_code=200,
        guards=[requires("destination:write")],
        refusals=[],
        summary="Revoke a destination for good; what is on its way there is held",
    )
    @transactional(idempotent=True)
    async def revoke_destination(
        self, request: PortalRequest, destination_id: FromPath[UUID]
    ) -> Envelope[list[DestinationOut]]:
        await revoke_destination(destination_id=destination_id)
        return envelope(request, [destination_out(view) for view in await own_destinations()])
