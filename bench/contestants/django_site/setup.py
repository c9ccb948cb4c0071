"""Make the tables with row security, a role without privileges, people with two holdings and a session
each. Prints the sessions as JSON.
"""

import json
import os
import sys
from uuid import uuid4

import django
from django.core.management import call_command
from django.db import connection

ROLE = "bench_django"


def main(count: int) -> None:
    django.setup()
    # Django's own tables first: ours, which have no migrations, point at them.
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    from bench.contestants.django_site.models import TENANT_MODELS

    sessions = [_person(number) for number in range(count)]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{os.environ['BENCH_ROLE_PASSWORD']}'")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {ROLE}")
        for model in TENANT_MODELS:
            table = model._meta.db_table
            own = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"
            cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            cursor.execute(f"CREATE POLICY own ON {table} USING ({own}) WITH CHECK ({own})")
    print(json.dumps(sessions))


TENANT = uuid4()


def _person(number: int) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import Permission, User
    from django.contrib.sessions.backends.db import SessionStore

    from bench.contestants.django_site.models import Balance, Client, Destination, Subscription

    user = User.objects.create(username=f"visitor{number}", first_name=f"Visitor {number}")
    user.set_unusable_password()
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="ask_redemption"))
    client = Client.objects.create(tenant_id=TENANT, user=user, name=f"Visitor {number}")
    for product in _products():
        held = Subscription.objects.create(
            tenant_id=TENANT,
            client=client,
            product=product,
            principal=50_000,
            apy="0.08",
            term_months=12,
            matures_on="2030-01-01",
            state="active",
        )
        Balance.objects.create(tenant_id=TENANT, subscription=held, free=50_000, locked=0)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session["tenant_id"] = str(TENANT)
    session.create()
    assert not Destination.objects.exists(), "they are told to add one, as the portal's are"
    return session.session_key


def _products() -> list:
    from django.utils import timezone

    from bench.contestants.django_site.models import Nav, Product

    found = []
    for name, kind, asset in (("Yield", "fixed_yield", "USDT"), ("Growth", "nav_units", "USDC")):
        product, made = Product.objects.get_or_create(
            name=name, kind=kind, asset=asset, defaults={"tenant_id": TENANT}
        )
        if made:
            Nav.objects.create(
                tenant_id=TENANT, product=product, nav_per_unit="1.05", as_of=timezone.now()
            )
        found.append(product)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
