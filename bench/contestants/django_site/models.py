"""What a client holds, as the portal has it. The tables are made by `setup` with their row security."""

from django.contrib.auth.models import User
from django.db import models

AMOUNT = {"max_digits": 38, "decimal_places": 18}


class Client(models.Model):
    tenant_id = models.UUIDField()
    user = models.OneToOneField(User, on_delete=models.PROTECT)
    name = models.TextField()


class Product(models.Model):
    tenant_id = models.UUIDField()
    name = models.TextField()
    kind = models.TextField()
    asset = models.TextField()


class Nav(models.Model):
    tenant_id = models.UUIDField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    nav_per_unit = models.DecimalField(**AMOUNT)
    as_of = models.DateTimeField()


class Subscription(models.Model):
    tenant_id = models.UUIDField()
    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    principal = models.DecimalField(**AMOUNT)
    apy = models.DecimalField(**AMOUNT)
    term_months = models.IntegerField()
    matures_on = models.DateField()
    state = models.TextField()

    class Meta:
        permissions = [("ask_redemption", "May redeem what they hold")]


class Balance(models.Model):
    tenant_id = models.UUIDField()
    subscription = models.OneToOneField(Subscription, on_delete=models.PROTECT)
    free = models.DecimalField(**AMOUNT)
    locked = models.DecimalField(**AMOUNT)


class Destination(models.Model):
    tenant_id = models.UUIDField()
    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    asset = models.TextField()
    state = models.TextField()


class Redemption(models.Model):
    tenant_id = models.UUIDField()
    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    reference = models.TextField()
    state = models.TextField()
    net = models.DecimalField(**AMOUNT)
    requested_at = models.DateTimeField()


class Notification(models.Model):
    tenant_id = models.UUIDField()
    user = models.ForeignKey(User, on_delete=models.PROTECT)
    read_at = models.DateTimeField(null=True)


TENANT_MODELS = (
    Client, Product, Nav, Subscription, Balance, Destination, Redemption, Notification,
)  # fmt: skip
