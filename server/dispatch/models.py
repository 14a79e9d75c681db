"""Work orders: what one crew does; the plan for those to come, and what people want of it."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from server.dispatch import states


class WorkOrder(models.Model):
    """One job for one crew (派工单). Its life cycle is the table in states.py."""

    class Kind(models.TextChoices):
        REPAIR = "repair", _("Isolate and repair")
        VALVES = "valves", _("Valves")
        NOTICES = "notices", _("Notices")
        INSPECT = "inspect", _("Inspect")
        TRAFFIC = "traffic", _("Traffic safety")

    number = models.CharField(max_length=20, unique=True, null=True)
    incident = models.ForeignKey(
        "tickets.Incident", on_delete=models.PROTECT, related_name="work_orders"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.REPAIR)
    crew = models.ForeignKey(
        "workforce.Crew", null=True, on_delete=models.PROTECT, related_name="work_orders"
    )
    state = models.CharField(max_length=16, default=states.State.DISPATCHED)
    priority = models.CharField(max_length=2, default="P3")
    # The route when it was dispatched: geometry, seconds, metres, turn list.
    route = models.JSONField(null=True)
    eta_at = models.DateTimeField(null=True)
    # When a crew sets out that was at home or on its break; null: at once.
    ready_at = models.DateTimeField(null=True)
    reasons = models.JSONField(default=list)
    override_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    dispatched_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    departed_at = models.DateTimeField(null=True)
    on_site_at = models.DateTimeField(null=True)
    repaired_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)
    # Where the crew drives when that is not the incident's place: the first valve to close.
    target = models.PointField(srid=4326, null=True)
    target_asset = models.CharField(max_length=60, blank=True)
    # Without an answer by then the order is offered to the next crew.
    answer_by = models.DateTimeField(null=True)
    # Why it ended without being done: said by the crew or a dispatcher, or a code of ours.
    end_reason = models.CharField(max_length=200, blank=True)
    # The order this one follows: declined, not answered, or moved to another crew.
    follows = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="followed_by"
    )
    # The customer's link while the crew is on its way, and the time they were last told.
    eta_token = models.CharField(max_length=24, unique=True, null=True)
    told_eta_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # One crew, one job, kept by the database: check-then-insert in two threads
            # double-booked 175 to 295 of 300 races, a constraint none.
            models.UniqueConstraint(
                fields=["crew"],
                condition=models.Q(state__in=sorted(states.HOLDING)),
                name="one_crew_one_job",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=sorted(states.HOLDING))
                | models.Q(crew__isnull=False),
                name="a_held_order_has_a_crew",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"order {self.pk}"


class Proposal(models.Model):
    """The plan in force for work nobody has in hand yet (派工方案): one row, made anew.

    `body` is what planning.proposal() shows; `version` grows only when that really changes.
    """

    version = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # something happened since
    body = models.JSONField(default=dict)
    took_ms = models.FloatField(default=0)


class PlanWish(models.Model):
    """What a dispatcher wants of the plan: this crew for that incident, or never (指定, 排除)."""

    class Kind(models.TextChoices):
        PIN = "pin", _("this crew")
        EXCLUDE = "exclude", _("not this crew")

    incident = models.ForeignKey(
        "tickets.Incident", on_delete=models.CASCADE, related_name="plan_wishes"
    )
    crew = models.ForeignKey("workforce.Crew", on_delete=models.CASCADE)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    order_kind = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "crew", "kind", "order_kind"],
                condition=models.Q(ended_at=None), name="one_wish_at_a_time",
            )
        ]  # fmt: skip


class RunCard(models.Model):
    """What a class of incident asks for, where it differs from the defaults (出动预案).

    The defaults are a table in runcards.py; a row here is asked first. Empty conditions fit all.
    """

    name = models.CharField(max_length=80, unique=True)
    kinds = models.JSONField(default=list)
    priorities = models.JSONField(default=list)
    from_mm = models.PositiveIntegerField(null=True)
    to_mm = models.PositiveIntegerField(null=True)
    hazards = models.JSONField(default=list)
    from_hour = models.PositiveSmallIntegerField(null=True)
    to_hour = models.PositiveSmallIntegerField(null=True)
    # [{"kind", "crews", "skills", "target"}]; see runcards.Wanted.
    orders = models.JSONField(default=list)
    tells = models.JSONField(default=list)  # roles
    automatic = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]


class CrewReport(models.Model):
    """What a crew reported, once: repeats are recognised by `message_id`."""

    message_id = models.UUIDField(unique=True)
    device = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    order = models.ForeignKey(
        WorkOrder, null=True, on_delete=models.PROTECT, related_name="reports"
    )
    action = models.CharField(max_length=24)
    at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True)
    valve = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=120, blank=True)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, blank=True)
    # Empty when it was carried out; else why it could not be (the evidence is kept all the same).
    refused = models.CharField(max_length=40, blank=True)
    refused_text = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=150, blank=True)
    # Order lists above this version show what the report changed; null when it changed nothing.
    orders_version = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["id"]


class Photo(models.Model):
    """A picture a crew took, re-encoded and stored under our own name."""

    order = models.ForeignKey(WorkOrder, null=True, on_delete=models.PROTECT, related_name="photos")
    report_id = models.UUIDField(null=True, db_index=True)
    device = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)  # of the bytes as sent: the receipt
    file = models.CharField(max_length=120)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # Where and when it was taken, as the telephone wrote into it; without that it is unplaced.
    taken_at = models.DateTimeField(null=True)
    geom = models.PointField(srid=4326, null=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "report_id", "sha256"], name="one_photo_once")
        ]
