"""Reading a session without using it: live pages ask by themselves, and must not keep it alive."""

from app.kernel.migrations import dispatcher_function, sql_migration

ID = "identity_0002_session_glance"
VERSION = "1.38.0"
DESCRIPTION = "a look-up of sessions that does not count as their use"

STATEMENTS = [
    # session_lookup() answers the same, and notes that the session is in use.
    dispatcher_function(
        "session_glance(wanted bytea, idle_seconds bigint)",
        """
        TABLE (credential_id uuid, membership_id uuid, name text, email text, role text,
          tenant_id uuid, slug text, tenant_name text, time_zone text, locale text)
        """,
        """
        SELECT s.id, m.id, a.name, a.email, m.role, t.id, t.slug, t.name, t.time_zone, t.locale
        FROM session s
        JOIN membership m ON (m.tenant_id, m.id) = (s.tenant_id, s.membership_id)
        JOIN account a ON a.id = m.account_id
        JOIN tenant t ON t.id = m.tenant_id
        WHERE s.digest = wanted AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
          AND s.last_seen_at > clock_timestamp() - make_interval(secs => idle_seconds)
          AND m.status = 'active' AND a.status = 'active' AND t.status = 'active'
        """,
    ),
]


async def forwards():
    return sql_migration(
        app_name="identity", migration_id=ID, description=DESCRIPTION, statements=STATEMENTS
    )
