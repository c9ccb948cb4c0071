"""Accounts, memberships, sessions and refresh tokens, and the look-ups that cross tenants.

Every time here is real time: business time moves no session and no token.
"""

from app.domains.identity.values import AccountStatus, MembershipStatus, Role, SignInMethod
from app.kernel.migrations import dispatcher_function, one_of, sql_migration, tenant_table

ID = "identity_0001_accounts_and_sessions"
VERSION = "1.38.0"
DESCRIPTION = "accounts, memberships, sessions, refresh tokens, sign-in look-ups"

# Whom a credential names, and only while all of them may sign in.
PERSON = """
  m.id, a.name, a.email, m.role, t.id, t.slug, t.name, t.time_zone, t.locale
"""
PERSON_COLUMNS = """
  membership_id uuid, name text, email text, role text,
  tenant_id uuid, slug text, tenant_name text, time_zone text, locale text
"""
ACTIVE = "m.status = 'active' AND a.status = 'active' AND t.status = 'active'"
JOINED = """
  JOIN account a ON a.id = m.account_id
  JOIN tenant t ON t.id = m.tenant_id
"""
LIVE_SESSION = """
  s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - make_interval(secs => idle_seconds)
"""

STATEMENTS = [
    f"""
    CREATE TABLE account (
      id uuid PRIMARY KEY,
      email text NOT NULL UNIQUE CHECK (email = lower(email) AND email LIKE '%_@_%'),
      name text NOT NULL CHECK (name <> ''),
      password_hash text,
      status text NOT NULL {one_of("status", AccountStatus)},
      created_at timestamptz NOT NULL
    );
    GRANT SELECT, INSERT, UPDATE ON account TO stakehold_app;
    GRANT SELECT ON account TO stakehold_dispatcher;
    """,
    """
    CREATE TABLE federated_identity (
      id uuid PRIMARY KEY,
      issuer text NOT NULL,
      subject text NOT NULL,
      account_id uuid NOT NULL REFERENCES account,
      linked_at timestamptz NOT NULL,
      CONSTRAINT federated_identity_once UNIQUE (issuer, subject)
    );
    CREATE INDEX federated_identity_account ON federated_identity (account_id);
    GRANT SELECT, INSERT ON federated_identity TO stakehold_app;
    GRANT SELECT ON federated_identity TO stakehold_dispatcher;
    """,
    """
    CREATE TABLE sign_in_attempt (
      id uuid PRIMARY KEY,
      state_digest bytea NOT NULL UNIQUE,
      browser_digest bytea NOT NULL,
      nonce text NOT NULL,
      verifier text NOT NULL,
      tenant_slug text NOT NULL,
      next_path text NOT NULL,
      created_at timestamptz NOT NULL,
      used_at timestamptz
    );
    CREATE INDEX sign_in_attempt_age ON sign_in_attempt (created_at);
    GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_attempt TO stakehold_app;
    """,
    f"""
    CREATE TABLE membership (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      account_id uuid NOT NULL REFERENCES account,
      role text NOT NULL {one_of("role", Role)},
      status text NOT NULL {one_of("status", MembershipStatus)},
      created_at timestamptz NOT NULL,
      PRIMARY KEY (tenant_id, id),
      CONSTRAINT membership_once UNIQUE (tenant_id, account_id)
    );
    CREATE INDEX membership_account ON membership (account_id);
    CREATE INDEX membership_role ON membership (tenant_id, role);
    CREATE POLICY membership_dispatcher ON membership FOR SELECT TO stakehold_dispatcher
      USING (true);
    GRANT SELECT ON membership TO stakehold_dispatcher;
    """
    + tenant_table("membership"),
    f"""
    CREATE TABLE session (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      membership_id uuid NOT NULL,
      digest bytea NOT NULL CHECK (length(digest) = 32),
      method text NOT NULL {one_of("method", SignInMethod)},
      address text NOT NULL,
      user_agent text NOT NULL,
      created_at timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      ended_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CONSTRAINT session_digest UNIQUE (tenant_id, digest),
      FOREIGN KEY (tenant_id, membership_id) REFERENCES membership (tenant_id, id)
    );
    CREATE INDEX session_by_digest ON session (digest);
    CREATE INDEX session_membership ON session (tenant_id, membership_id);
    """
    + tenant_table("session", dispatched=True),
    """
    CREATE TABLE refresh_family (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      membership_id uuid NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      FOREIGN KEY (tenant_id, membership_id) REFERENCES membership (tenant_id, id)
    );
    CREATE INDEX refresh_family_membership ON refresh_family (tenant_id, membership_id);
    CREATE POLICY refresh_family_dispatcher ON refresh_family FOR SELECT TO stakehold_dispatcher
      USING (true);
    GRANT SELECT ON refresh_family TO stakehold_dispatcher;
    """
    + tenant_table("refresh_family"),
    """
    CREATE TABLE refresh_token (
      tenant_id uuid NOT NULL REFERENCES tenant,
      id uuid NOT NULL,
      family_id uuid NOT NULL,
      digest bytea NOT NULL CHECK (length(digest) = 32),
      created_at timestamptz NOT NULL,
      used_at timestamptz,
      PRIMARY KEY (tenant_id, id),
      CONSTRAINT refresh_token_digest UNIQUE (tenant_id, digest),
      FOREIGN KEY (tenant_id, family_id) REFERENCES refresh_family (tenant_id, id)
    );
    CREATE INDEX refresh_token_by_digest ON refresh_token (digest);
    CREATE INDEX refresh_token_family ON refresh_token (tenant_id, family_id);
    CREATE POLICY refresh_token_dispatcher ON refresh_token FOR SELECT TO stakehold_dispatcher
      USING (true);
    GRANT SELECT ON refresh_token TO stakehold_dispatcher;
    """
    + tenant_table("refresh_token"),
    # Reads a session and, at most once a minute, notes that it is in use: one round trip a request.
    dispatcher_function(
        "session_lookup(wanted bytea, idle_seconds bigint)",
        f"TABLE (credential_id uuid, {PERSON_COLUMNS})",
        f"""
        WITH seen AS (
          UPDATE session s SET last_seen_at = clock_timestamp()
          WHERE s.digest = wanted AND {LIVE_SESSION}
            AND s.last_seen_at < clock_timestamp() - interval '1 minute'
        )
        SELECT s.id, {PERSON} FROM session s
        JOIN membership m ON (m.tenant_id, m.id) = (s.tenant_id, s.membership_id) {JOINED}
        WHERE s.digest = wanted AND {LIVE_SESSION} AND {ACTIVE}
        """,
    ),
    # Which of these sessions still hold; asked for all open sockets of a process at once.
    dispatcher_function(
        "sessions_alive(wanted bytea[], idle_seconds bigint)",
        "SETOF bytea",
        f"""
        SELECT s.digest FROM session s
        JOIN membership m ON (m.tenant_id, m.id) = (s.tenant_id, s.membership_id) {JOINED}
        WHERE s.digest = ANY (wanted) AND {LIVE_SESSION} AND {ACTIVE}
        """,
    ),
    dispatcher_function(
        "token_lookup(family uuid, member uuid)",
        f"TABLE (credential_id uuid, {PERSON_COLUMNS})",
        f"""
        SELECT f.id, {PERSON} FROM refresh_family f
        JOIN membership m ON (m.tenant_id, m.id) = (f.tenant_id, f.membership_id) {JOINED}
        WHERE f.id = family AND m.id = member AND f.revoked_at IS NULL
          AND f.expires_at > clock_timestamp() AND {ACTIVE}
        """,
    ),
    dispatcher_function(
        "refresh_tenant(wanted bytea)",
        "uuid",
        "SELECT tenant_id FROM refresh_token WHERE digest = wanted",
    ),
    # Where an account may sign in; an empty `wanted_slug` asks for every tenant.
    dispatcher_function(
        "sign_in_lookup(account uuid, wanted_slug text)",
        f"TABLE ({PERSON_COLUMNS})",
        f"""
        SELECT {PERSON} FROM membership m {JOINED}
        WHERE m.account_id = account AND (wanted_slug = '' OR t.slug = wanted_slug) AND {ACTIVE}
        ORDER BY t.slug
        """,
    ),
    # The kernel's delegations are older than memberships, and name them.
    """
    CREATE INDEX delegation_from ON delegation (tenant_id, from_membership_id);
    ALTER TABLE delegation
      ADD FOREIGN KEY (tenant_id, from_membership_id) REFERENCES membership (tenant_id, id),
      ADD FOREIGN KEY (tenant_id, to_membership_id) REFERENCES membership (tenant_id, id);
    """,
]


async def forwards():
    return sql_migration(
        app_name="identity", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
