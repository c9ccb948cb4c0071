"""The page: the reads that the portal's dashboard makes, and its permission."""

from decimal import Decimal

from django.contrib.auth.decorators import login_required, permission_required
from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from bench.contestants.django_site.models import (
    Destination,
    Nav,
    Notification,
    Redemption,
    Subscription,
)

OPEN = ["pending_approval", "approved", "ready", "in_transit"]
RECENT = 5


class TenantMiddleware:
    """Row security for the transaction that the view runs in; the tenant is the session's."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        request.tenant_id = request.session.get("tenant_id", "")


@login_required
@permission_required("django_site.ask_redemption", raise_exception=True)
def holdings(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [request.tenant_id])
    nav = Nav.objects.filter(product=OuterRef("product"), as_of__lte=timezone.now())
    held = list(
        Subscription.objects.filter(client__user=request.user, state="active")
        .select_related("client", "product", "balance")
        .annotate(nav=Subquery(nav.order_by("-as_of").values("nav_per_unit")[:1]))
        .order_by("matures_on", "id")
    )
    totals = {}
    for row in held:
        row.value = round(row.balance.free * (row.nav or 1), 2)
        row.gained = row.value - row.principal
        worth, gained = totals.get(row.product.asset, (Decimal(0), Decimal(0)))
        totals[row.product.asset] = worth + row.value, gained + row.gained
    payable = set(
        Destination.objects.filter(client__user=request.user, state="usable").values_list(
            "asset", flat=True
        )
    )
    asked = Redemption.objects.filter(client__user=request.user).select_related("product")
    context = {
        "held": held,
        "totals": sorted(totals.items()),
        "unpayable": sorted(set(totals) - payable),
        "in_progress": list(asked.filter(state__in=OPEN).order_by(F("requested_at"))[:200]),
        "recent": list(asked.exclude(state__in=OPEN).order_by("-requested_at")[:RECENT]),
        "unread": Notification.objects.filter(user=request.user, read_at=None).count(),
        "now": timezone.now(),
    }
    return render(request, "holdings.html", context)


urlpatterns = [path("holdings", holdings)]
