"""Drafts of the network's next version: the files, how they are read, what they would change."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from server.network.models import NetworkVersion


class NetworkImport(models.Model):
    """Files on their way into the network, or a way back to an earlier version (导入)."""

    class Kind(models.TextChoices):
        FILES = "files", _("import")
        ROLLBACK = "rollback", _("roll back")

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        READ = "read", _("read")
        BUILDING = "building", _("being checked")
        READY = "ready", _("ready to approve")
        REFUSED = "refused", _("refused")
        APPROVING = "approving", _("being put in force")
        APPROVED = "approved", _("in the network")
        DISCARDED = "discarded", _("discarded")

    number = models.CharField(max_length=20, unique=True, null=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.FILES)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED)
    name = models.CharField(max_length=120)
    # Whose files these are; the schema map is remembered under it.
    source = models.CharField(max_length=60, blank=True)
    # [{"name", "bytes", "sha256"}] of what lies in the folder of this import.
    files = models.JSONField(default=list)
    # EPSG number a person said the files are in; null: as the files say.
    crs = models.PositiveIntegerField(null=True)
    # What the files hold, as gis_data.importing.Layer.as_json says it.
    layers = models.JSONField(default=list)
    schema_map = models.JSONField(default=dict)
    # {layer: "suggested" | "remembered"} of what no person has looked at yet.
    suggested = models.JSONField(default=dict)
    # {"findings": [...], "verdicts": {...}, "counts": {...}} of gis_data.readiness.
    readiness = models.JSONField(default=dict)
    # {kind: {"added": n, "changed": n, "removed": n, "kept": n}}
    summary = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    # Why it was refused, or why putting it in force failed: [{"field", "code", "text"}].
    problems = models.JSONField(default=list)
    # What the network as a whole would be called and ruled by (NetworkVersion.header).
    header = models.JSONField(default=dict)
    step = models.CharField(max_length=20, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True)
    based_on = models.PositiveIntegerField(default=0)
    back_to = models.PositiveIntegerField(null=True)
    version = models.OneToOneField(
        NetworkVersion, null=True, on_delete=models.SET_NULL, related_name="made_by"
    )
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    # Counts edits of the map and builds: a late result of an older build is dropped.
    edition = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number or f"import {self.pk}"


class SchemaMapMemory(models.Model):
    """How the files of one source were read the last time they were approved."""

    source = models.CharField(max_length=60, unique=True)
    schema_map = models.JSONField(default=dict)
    crs = models.PositiveIntegerField(null=True)
    by = models.CharField(max_length=150, blank=True)
    saved_at = models.DateTimeField(auto_now=True)


class NetworkChange(models.Model):
    """One thing added, changed or removed: in a draft (`of`), and in the version it became.

    `before` and `after` hold all columns of a thing added or removed, those of `fields` of one
    that changed; the geometry as hexadecimal EWKB under "geom", so that the way back is exact.
    """

    class Action(models.TextChoices):
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        REMOVED = "removed", _("removed")
        # In force, not in the files, and left where it is: `fields` says why.
        KEPT = "kept", _("kept")

    of = models.ForeignKey(
        NetworkImport, null=True, on_delete=models.CASCADE, related_name="changes"
    )
    version = models.PositiveIntegerField(null=True, db_index=True)
    # Several steps of one version are applied in this order (a roll back over several versions).
    step = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=10)
    asset = models.CharField(max_length=60)
    action = models.CharField(max_length=8, choices=Action.choices)
    fields = models.JSONField(default=list)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    geom = models.GeometryField(srid=4326, null=True, spatial_index=False)

    class Meta:
        indexes = [
            models.Index(fields=["of", "kind", "action"], name="change_of_import"),
            models.Index(fields=["asset"], name="change_of_asset"),
        ]


class QuarantinedRecord(models.Model):
    """A record of a file that was left out, with its line and why."""

    of = models.ForeignKey(NetworkImport, on_delete=models.CASCADE, related_name="quarantine")
    layer = models.CharField(max_length=120)
    line = models.PositiveIntegerField(null=True)
    asset = models.CharField(max_length=60, blank=True)
    field = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=40)
    # The library's own sentence; `code` and `params` say it in the reader's language.
    text = models.CharField(max_length=400)
    params = models.JSONField(default=dict)
    raw = models.JSONField(default=dict)
    geom = models.PointField(srid=4326, null=True, spatial_index=False)

    class Meta:
        ordering = ["layer", "line", "id"]
