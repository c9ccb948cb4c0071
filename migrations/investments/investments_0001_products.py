"""Products, clients, subscriptions, redemptions and payouts. Money and units are in the ledger."""

from app.domains.investments.values import (
    CustodyKind,
    DepositState,
    DestinationKind,
    PayoutState,
    ProductKind,
    ProductState,
    RedemptionState,
    SubscriptionState,
)
from app.kernel.migrations import append_only, finite, one_of, sql_migration, tenant_table

ID = "investments_0001_products"
VERSION = "1.38.0"
DESCRIPTION = "investment products and the way of a redemption"

KEYS = "id uuid NOT NULL, tenant_id uuid NOT NULL REFERENCES tenant, PRIMARY KEY (tenant_id, id)"


def amounts(*columns: str) -> str:
    """Columns of an amount that is not negative."""
    return ",\n".join(
        f"{column} numeric(38,18) NOT NULL {finite(column, f'{column} >= 0')}" for column in columns
    )


STATEMENTS = [
    f"""
    CREATE TABLE product (
      {KEYS},
      name text NOT NULL CHECK (name <> ''),
      kind text NOT NULL {one_of("kind", ProductKind)},
      asset text NOT NULL CHECK (asset ~ '^[A-Z][A-Z0-9]{{1,11}}$'),
      places bigint NOT NULL CHECK (places BETWEEN 0 AND 8),
      network text NOT NULL,
      state text NOT NULL {one_of("state", ProductState)},
      time_zone text NOT NULL,
      cutoff time NOT NULL,
      {amounts("minimum", "maximum", "redemption_fee_rate", "entry_fee_rate", "network_fee")},
      book_id uuid NOT NULL,
      UNIQUE (tenant_id, name),
      UNIQUE (tenant_id, book_id),
      FOREIGN KEY (tenant_id, book_id) REFERENCES ledger_book (tenant_id, id)
    );
    """,
    tenant_table("product"),
    f"""
    CREATE TABLE product_term (
      {KEYS},
      product_id uuid NOT NULL,
      months bigint NOT NULL CHECK (months BETWEEN 1 AND 120),
      {amounts("apy", "penalty_rate")},
      UNIQUE (tenant_id, product_id, months),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id)
    );
    """,
    tenant_table("product_term", grants="SELECT, INSERT"),
    f"""
    CREATE TABLE published_nav (
      {KEYS},
      product_id uuid NOT NULL,
      nav_per_unit numeric(38,18) NOT NULL {finite("nav_per_unit", "nav_per_unit > 0")},
      as_of timestamptz NOT NULL,
      UNIQUE (tenant_id, product_id, as_of),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id)
    );
    """,
    tenant_table("published_nav", grants="SELECT, INSERT"),
    append_only("published_nav"),
    f"""
    CREATE TABLE custody_account (
      {KEYS},
      product_id uuid NOT NULL,
      kind text NOT NULL {one_of("kind", CustodyKind)},
      name text NOT NULL,
      asset text NOT NULL,
      reference text NOT NULL,
      balance numeric(38,18) {finite("balance")},
      read_at timestamptz,
      -- A staging vault has three ledger accounts; any other has only the first.
      available_account_id uuid NOT NULL,
      reserved_account_id uuid,
      unallocated_account_id uuid,
      UNIQUE (tenant_id, reference),
      UNIQUE (tenant_id, product_id, name),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
      CHECK ((kind = 'staging_vault') = (reserved_account_id IS NOT NULL)),
      CHECK ((kind = 'staging_vault') = (unallocated_account_id IS NOT NULL))
    );
    """,
    tenant_table("custody_account"),
    f"""
    CREATE TABLE client (
      {KEYS},
      membership_id uuid NOT NULL,
      rm_membership_id uuid NOT NULL,
      name text NOT NULL CHECK (name <> ''),
      UNIQUE (tenant_id, membership_id),
      FOREIGN KEY (tenant_id, membership_id) REFERENCES membership (tenant_id, id),
      FOREIGN KEY (tenant_id, rm_membership_id) REFERENCES membership (tenant_id, id),
      CHECK (membership_id <> rm_membership_id)
    );
    CREATE INDEX client_rm ON client (tenant_id, rm_membership_id);
    """,
    tenant_table("client"),
    f"""
    CREATE TABLE destination (
      {KEYS},
      client_id uuid NOT NULL,
      label text NOT NULL CHECK (label <> ''),
      kind text NOT NULL {one_of("kind", DestinationKind)},
      asset text NOT NULL,
      network text,
      address text NOT NULL CHECK (address <> ''),
      usable_from timestamptz NOT NULL,
      revoked_at timestamptz,
      UNIQUE (tenant_id, client_id, asset, address),
      FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, id)
    );
    """,
    tenant_table("destination"),
    f"""
    CREATE TABLE deposit (
      {KEYS},
      product_id uuid NOT NULL,
      client_id uuid NOT NULL,
      custody_account_id uuid NOT NULL,
      {amounts("amount")},
      transaction_reference text NOT NULL CHECK (transaction_reference <> ''),
      confirmed_at timestamptz NOT NULL,
      state text NOT NULL {one_of("state", DepositState)},
      UNIQUE (tenant_id, transaction_reference),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
      FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, id),
      FOREIGN KEY (tenant_id, custody_account_id) REFERENCES custody_account (tenant_id, id)
    );
    CREATE INDEX deposit_product ON deposit (tenant_id, product_id);
    CREATE INDEX deposit_client ON deposit (tenant_id, client_id);
    CREATE INDEX deposit_custody_account ON deposit (tenant_id, custody_account_id);
    """,
    tenant_table("deposit"),
    f"""
    CREATE TABLE subscription (
      {KEYS},
      product_id uuid NOT NULL,
      client_id uuid NOT NULL,
      deposit_id uuid NOT NULL,
      term_months bigint NOT NULL,
      {amounts("apy", "penalty_rate")},
      -- What is not yet struck: both go down when a redemption is.
      {amounts("principal", "accrued")},
      accrued_through date NOT NULL,
      activated_on date NOT NULL,
      matures_on date NOT NULL,
      state text NOT NULL {one_of("state", SubscriptionState)},
      free_account_id uuid NOT NULL,
      locked_account_id uuid NOT NULL,
      struck_account_id uuid NOT NULL,
      claim_account_id uuid NOT NULL,
      yield_account_id uuid,
      UNIQUE (tenant_id, deposit_id),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
      FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, id),
      FOREIGN KEY (tenant_id, deposit_id) REFERENCES deposit (tenant_id, id),
      CHECK (matures_on > activated_on)
    );
    CREATE INDEX subscription_product ON subscription (tenant_id, product_id);
    CREATE INDEX subscription_client ON subscription (tenant_id, client_id);
    """,
    tenant_table("subscription"),
    f"""
    CREATE TABLE redemption_quote (
      {KEYS},
      subscription_id uuid NOT NULL,
      {amounts("units", "principal_redeemed", "yield_accrued", "gross")},
      {amounts("early_exit_penalty", "redemption_fee", "net", "nav_per_unit")},
      nav_at timestamptz NOT NULL,
      quoted_at timestamptz NOT NULL,
      valid_until timestamptz NOT NULL,
      steps jsonb NOT NULL,
      FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription (tenant_id, id)
    );
    CREATE INDEX redemption_quote_subscription ON redemption_quote (tenant_id, subscription_id);
    """,
    tenant_table("redemption_quote", grants="SELECT, INSERT"),
    """
    CREATE TABLE redemption_counter (
      tenant_id uuid NOT NULL REFERENCES tenant,
      year bigint NOT NULL,
      last bigint NOT NULL,
      PRIMARY KEY (tenant_id, year)
    );
    """,
    tenant_table("redemption_counter"),
    f"""
    CREATE TABLE redemption (
      {KEYS},
      reference text NOT NULL,
      version bigint NOT NULL CHECK (version > 0),
      subscription_id uuid NOT NULL,
      product_id uuid NOT NULL,
      client_id uuid NOT NULL,
      destination_id uuid NOT NULL,
      approval_id uuid NOT NULL,
      source_account_id uuid,
      -- What is set aside in the staging vault: the net and the network's fee, from ready until paid.
      {amounts("reserved")},
      {amounts("units", "principal_redeemed", "yield_accrued", "gross")},
      {amounts("early_exit_penalty", "redemption_fee", "net", "nav_per_unit")},
      nav_at timestamptz NOT NULL,
      steps jsonb NOT NULL,
      state text NOT NULL {one_of("state", RedemptionState)},
      requested_at timestamptz NOT NULL,
      requested_on date NOT NULL,
      struck_at timestamptz,
      completed_at timestamptz,
      UNIQUE (tenant_id, reference),
      FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription (tenant_id, id),
      FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
      FOREIGN KEY (tenant_id, client_id) REFERENCES client (tenant_id, id),
      FOREIGN KEY (tenant_id, destination_id) REFERENCES destination (tenant_id, id),
      FOREIGN KEY (tenant_id, approval_id) REFERENCES approval (tenant_id, id),
      FOREIGN KEY (tenant_id, source_account_id) REFERENCES custody_account (tenant_id, id),
      CHECK (gross = early_exit_penalty + redemption_fee + net)
    );
    CREATE INDEX redemption_subscription ON redemption (tenant_id, subscription_id);
    CREATE INDEX redemption_product ON redemption (tenant_id, product_id);
    CREATE INDEX redemption_client ON redemption (tenant_id, client_id);
    CREATE INDEX redemption_destination ON redemption (tenant_id, destination_id);
    CREATE INDEX redemption_approval ON redemption (tenant_id, approval_id);
    CREATE INDEX redemption_source_account ON redemption (tenant_id, source_account_id);
    CREATE INDEX redemption_open ON redemption (tenant_id, state)
      WHERE state NOT IN ('completed', 'rejected', 'cancelled');
    """,
    tenant_table("redemption"),
    f"""
    CREATE TABLE redemption_event (
      {KEYS},
      redemption_id uuid NOT NULL,
      at timestamptz NOT NULL,
      actor_id uuid,
      actor_name text NOT NULL,
      event text NOT NULL,
      note text NOT NULL,
      FOREIGN KEY (tenant_id, redemption_id) REFERENCES redemption (tenant_id, id)
    );
    CREATE INDEX redemption_event_redemption ON redemption_event (tenant_id, redemption_id);
    """,
    tenant_table("redemption_event", grants="SELECT, INSERT"),
    append_only("redemption_event"),
    f"""
    CREATE TABLE payout (
      {KEYS},
      redemption_id uuid NOT NULL,
      {amounts("amount")},
      state text NOT NULL {one_of("state", PayoutState)},
      reference text,
      reason text NOT NULL,
      created_at timestamptz NOT NULL,
      FOREIGN KEY (tenant_id, redemption_id) REFERENCES redemption (tenant_id, id)
    );
    CREATE INDEX payout_redemption ON payout (tenant_id, redemption_id);
    -- A new payout can only follow one that the custodian refused for certain.
    CREATE UNIQUE INDEX payout_one_open ON payout (tenant_id, redemption_id)
      WHERE state <> 'refused';
    """,
    tenant_table("payout"),
]


async def forwards():
    return sql_migration(
        app_name="investments", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
