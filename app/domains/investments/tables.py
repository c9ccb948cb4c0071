"""Tables of investment products. Constraints and row security stand in migrations/investments."""

from __future__ import annotations

from piccolo.table import Table

from app.domains.investments.values import (
    ClientTier,
    CustodyKind,
    DepositState,
    DestinationKind,
    KycState,
    PayoutState,
    ProductKind,
    ProductState,
    RedemptionState,
    Standing,
    SubscriptionState,
    TierChangeState,
)
from app.kernel import columns
from app.kernel.database import DB


class Product(Table, tablename="product", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    name = columns.words()
    kind = columns.choice(ProductKind)
    asset = columns.words()
    places = columns.whole()
    network = columns.words()
    state = columns.choice(ProductState)
    time_zone = columns.words()
    cutoff = columns.time_of_day()
    minimum = columns.amount()
    maximum = columns.amount()
    redemption_fee_rate = columns.amount()
    entry_fee_rate = columns.amount()
    network_fee = columns.amount()
    book_id = columns.identifier()


class ProductTerm(Table, tablename="product_term", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    months = columns.whole()
    apy = columns.amount()
    penalty_rate = columns.amount()


class ProductLimit(Table, tablename="product_limit", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    tier = columns.choice(ClientTier)
    single = columns.amount()
    daily = columns.amount()


class PublishedNav(Table, tablename="published_nav", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    nav_per_unit = columns.amount()
    as_of = columns.instant()


class CustodyAccount(Table, tablename="custody_account", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    kind = columns.choice(CustodyKind)
    name = columns.words()
    asset = columns.words()
    reference = columns.words()
    balance = columns.amount(null=True)
    read_at = columns.instant(null=True)
    available_account_id = columns.identifier()
    reserved_account_id = columns.identifier(null=True)
    unallocated_account_id = columns.identifier(null=True)


class Client(Table, tablename="client", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    membership_id = columns.identifier()
    rm_membership_id = columns.identifier()
    name = columns.words()
    tier = columns.choice(ClientTier)
    kyc = columns.choice(KycState)
    kyc_expires_at = columns.instant(null=True)
    standing = columns.choice(Standing)
    version = columns.whole()


class TierChange(Table, tablename="tier_change", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    client_id = columns.identifier()
    approval_id = columns.identifier()
    tier_before = columns.choice(ClientTier)
    tier_after = columns.choice(ClientTier)
    note = columns.words()
    state = columns.choice(TierChangeState)
    requested_at = columns.instant()


class Destination(Table, tablename="destination", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    client_id = columns.identifier()
    label = columns.words()
    kind = columns.choice(DestinationKind)
    asset = columns.words()
    network = columns.words(null=True)
    address = columns.words()
    usable_from = columns.instant()
    revoked_at = columns.instant(null=True)


class Deposit(Table, tablename="deposit", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    client_id = columns.identifier()
    custody_account_id = columns.identifier()
    amount = columns.amount()
    transaction_reference = columns.words()
    confirmed_at = columns.instant()
    state = columns.choice(DepositState)


class Subscription(Table, tablename="subscription", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    product_id = columns.identifier()
    client_id = columns.identifier()
    deposit_id = columns.identifier()
    term_months = columns.whole()
    apy = columns.amount()
    penalty_rate = columns.amount()
    principal = columns.amount()
    accrued = columns.amount()
    accrued_through = columns.day()
    activated_on = columns.day()
    matures_on = columns.day()
    state = columns.choice(SubscriptionState)
    free_account_id = columns.identifier()
    locked_account_id = columns.identifier()
    struck_account_id = columns.identifier()
    claim_account_id = columns.identifier()
    yield_account_id = columns.identifier(null=True)


class RedemptionQuote(Table, tablename="redemption_quote", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    subscription_id = columns.identifier()
    units = columns.amount()
    principal_redeemed = columns.amount()
    yield_accrued = columns.amount()
    gross = columns.amount()
    early_exit_penalty = columns.amount()
    redemption_fee = columns.amount()
    net = columns.amount()
    nav_per_unit = columns.amount()
    nav_at = columns.instant()
    quoted_at = columns.instant()
    valid_until = columns.instant()
    steps = columns.json()


class RedemptionCounter(Table, tablename="redemption_counter", db=DB):
    tenant_id = columns.identifier(primary_key=True)
    year = columns.whole()
    last = columns.whole()


class AssetPrice(Table, tablename="asset_price", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    asset = columns.words()
    usd = columns.amount()
    as_of = columns.instant()
    source = columns.words()


class PriceReading(Table, tablename="price_reading", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    asset = columns.words()
    usd = columns.amount()
    as_of = columns.instant()
    source = columns.words()


class Redemption(Table, tablename="redemption", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    reference = columns.words()
    version = columns.whole()
    subscription_id = columns.identifier()
    product_id = columns.identifier()
    client_id = columns.identifier()
    destination_id = columns.identifier()
    approval_id = columns.identifier()
    approver_membership_id = columns.identifier()
    held_from = columns.words(null=True)
    clearance_reasons = columns.words_list()
    screened_at_price = columns.json(null=True)
    source_account_id = columns.identifier(null=True)
    reserved = columns.amount()
    units = columns.amount()
    principal_redeemed = columns.amount()
    yield_accrued = columns.amount()
    gross = columns.amount()
    early_exit_penalty = columns.amount()
    redemption_fee = columns.amount()
    net = columns.amount()
    nav_per_unit = columns.amount()
    nav_at = columns.instant()
    steps = columns.json()
    state = columns.choice(RedemptionState)
    requested_at = columns.instant()
    requested_on = columns.day()
    struck_at = columns.instant(null=True)
    completed_at = columns.instant(null=True)


class RedemptionEvent(Table, tablename="redemption_event", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    redemption_id = columns.identifier()
    at = columns.instant()
    actor_id = columns.identifier(null=True)
    actor_name = columns.words()
    event = columns.words()
    note = columns.words()


class Payout(Table, tablename="payout", db=DB):
    id = columns.identifier(primary_key=True)
    tenant_id = columns.identifier()
    redemption_id = columns.identifier()
    amount = columns.amount()
    state = columns.choice(PayoutState)
    reference = columns.words(null=True)
    reason = columns.words()
    created_at = columns.instant()
