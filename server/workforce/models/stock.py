"""What repairs are made with: where each piece lies, which are promised, what became of them."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from server.workforce.models.crews import Crew, Vehicle


class Depot(models.Model):
    """Where stock lies and crews fetch it."""

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    geom = models.PointField(srid=4326)

    class Meta:
        ordering = ["code"]

    @property
    def shown(self) -> str:
        chinese = (get_language() or "").startswith("zh")
        return self.name_zh if chinese and self.name_zh else self.name


class Stock(models.Model):
    """Pieces of one kind and size in one place, on a vehicle or in a depot.

    A piece fits pipes of DN `diameter_mm` to `to_mm` (the same where null) of the `materials`
    named (all where none is). `reserved` of the `quantity` are promised to work orders.
    """

    class Item(models.TextChoices):
        CLAMP = "clamp", _("Repair clamp")
        COUPLING = "coupling", _("Coupling")
        PIPE = "pipe", _("Length of pipe")

    vehicle = models.ForeignKey(
        Vehicle, null=True, on_delete=models.CASCADE, related_name="stock"
    )
    depot = models.ForeignKey(Depot, null=True, on_delete=models.CASCADE, related_name="stock")
    item = models.CharField(max_length=20, choices=Item.choices, default=Item.CLAMP)
    diameter_mm = models.PositiveIntegerField()
    to_mm = models.PositiveIntegerField(null=True)
    materials = ArrayField(models.CharField(max_length=12), default=list, blank=True)
    quantity = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["item", "diameter_mm", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(vehicle__isnull=False, depot__isnull=True)
                | Q(vehicle__isnull=True, depot__isnull=False),
                name="stock_lies_in_one_place",
            ),
            models.CheckConstraint(
                condition=Q(reserved__lte=F("quantity")), name="no_more_promised_than_there_is"
            ),
            models.CheckConstraint(
                condition=Q(to_mm__isnull=True) | Q(to_mm__gte=F("diameter_mm")),
                name="a_range_of_sizes_goes_up",
            ),
            models.UniqueConstraint(
                fields=["vehicle", "depot", "item", "diameter_mm", "to_mm", "materials"],
                name="one_stock_row", nulls_distinct=False,
            ),
        ]  # fmt: skip

    @property
    def free(self) -> int:
        return self.quantity - self.reserved


class Reservation(models.Model):
    """A piece promised to a work order, until it is used or let go."""

    class State(models.TextChoices):
        HELD = "held", _("Reserved")
        USED = "used", _("Used")
        RELEASED = "released", _("Released")

    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="reservations")
    order = models.CharField(max_length=20, db_index=True)  # number of the work order
    crew = models.ForeignKey(
        Crew, null=True, on_delete=models.SET_NULL, related_name="reservations"
    )
    quantity = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="a_reservation_is_of_some")
        ]


class StockMove(models.Model):
    """What changed a quantity, by whom and why. Append-only: the sum is what lies there."""

    class Why(models.TextChoices):
        COUNTED = "counted", _("Stock-take")
        RECEIVED = "received", _("Received")
        USED = "used", _("Used")
        MOVED = "moved", _("Moved")

    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="moves")
    change = models.IntegerField()
    why = models.CharField(max_length=10, choices=Why.choices)
    order = models.CharField(max_length=20, blank=True)
    note = models.CharField(max_length=120, blank=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
