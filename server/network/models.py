"""Pipes, valves, hydrants and service lines: the network as the city knows it now.

Geometry is stored in EPSG:4326; a generated EPSG:3857 column beside it serves the tiles (measured:
transforming on the fly makes low-zoom tiles five times slower). Lengths come from the utility's
own projected system, never from either of these.
"""

from __future__ import annotations

from typing import Any

from django.contrib.gis.db import models
from django.contrib.gis.db.models.functions import Transform
from django.contrib.postgres.indexes import GistIndex
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


def tiled(field: models.Field[Any, Any]) -> models.GeneratedField:
    """A stored EPSG:3857 copy of `geom` for the tile queries."""
    return models.GeneratedField(
        expression=Transform("geom", 3857), output_field=field, db_persist=True
    )


class NetworkVersion(models.Model):
    """One state of the network. The newest is in force; caches are keyed by its number."""

    class Kind(models.TextChoices):
        LOAD = "load", _("loaded whole")
        IMPORT = "import", _("import")
        ROLLBACK = "rollback", _("roll back")

    number = models.PositiveIntegerField(unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.LOAD)
    # The earlier version whose state a roll back brought back.
    back_to = models.PositiveIntegerField(null=True)
    by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=200)
    loaded_at = models.DateTimeField(auto_now_add=True)
    summary = models.JSONField(default=dict)
    # What belongs to the network as a whole: name, crs_measure, patterns, pattern_step_s,
    # default_pattern, rules (gis_data.model.Network).
    header = models.JSONField(default=dict)


class Zone(models.Model):
    class Kind(models.TextChoices):
        PRESSURE = "pressure", _("Pressure zone")
        DMA = "dma", _("District metered area")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=80, blank=True)
    target_pressure_m = models.FloatField(null=True)
    geom = models.MultiPolygonField(srid=4326, null=True)
    geom_3857 = tiled(models.MultiPolygonField(srid=3857, null=True, spatial_index=False))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="one_zone_per_code")]
        indexes = [GistIndex(fields=["geom_3857"], name="zone_tile")]


class Asset(models.Model):
    """What all parts of the network share: the id painted on the plate."""

    asset = models.CharField(max_length=60, unique=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.asset


class Node(Asset):
    kind = models.CharField(max_length=12)  # junction, tank, reservoir
    elevation_m = models.FloatField(default=0)
    base_demand_m3s = models.FloatField(default=0)
    head_m = models.FloatField(null=True)
    demand_pattern = models.CharField(max_length=40, blank=True)
    tank = models.JSONField(null=True)
    zone = models.CharField(max_length=40, blank=True)
    dma = models.CharField(max_length=40, blank=True)
    geom = models.PointField(srid=4326, spatial_index=True)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="node_tile"),
            # Few among very many, and drawn from far away.
            GistIndex(
                fields=["geom_3857"], name="source_tile",
                condition=models.Q(kind__in=["tank", "reservoir"]),
            ),
        ]


class Pipe(Asset):
    start = models.CharField(max_length=60)
    end = models.CharField(max_length=60)
    length_m = models.FloatField()
    diameter_mm = models.FloatField()
    material = models.CharField(max_length=20, blank=True)
    year = models.PositiveSmallIntegerField(null=True)
    roughness = models.FloatField(default=130)
    minor_loss = models.FloatField(default=0)
    role = models.CharField(max_length=16, default="distribution")
    zone = models.CharField(max_length=40, blank=True)
    dma = models.CharField(max_length=40, blank=True)
    street = models.CharField(max_length=120, blank=True)
    one_way = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)
    depth_m = models.FloatField(null=True)
    # The id in the file it came from, where a pipe was cut at a valve.
    origin = models.CharField(max_length=60, blank=True, db_index=True)
    # The valve segment this pipe belongs to in the version in force; computed, for SQL and tiles.
    segment = models.IntegerField(null=True, db_index=True)
    # Which way water must run, by topology: 1 as drawn, -1 against it, 0 either way or none.
    flow = models.SmallIntegerField(default=0, db_default=0)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="pipe_tile"),
            # What hangs on a node is asked at every click on the map.
            models.Index(fields=["start"], name="pipe_start"),
            models.Index(fields=["end"], name="pipe_end"),
        ]


class PipeGeneral(models.Model):
    """Mains for the tiles of one zoom below 13: the larger ones, joined and thinned (general.py).

    `year` is the first of a decade. Nothing else reads this table.
    """

    zoom = models.PositiveSmallIntegerField()
    diameter_mm = models.FloatField()
    material = models.CharField(max_length=20, blank=True)
    year = models.PositiveSmallIntegerField(null=True)
    role = models.CharField(max_length=16)
    zone = models.CharField(max_length=40, blank=True)
    closed = models.BooleanField(default=False)
    geom_3857 = models.LineStringField(srid=3857, spatial_index=False)

    class Meta:
        indexes = [
            GistIndex(
                fields=["geom_3857"], name=f"pipe_general_tile_{zoom}",
                condition=models.Q(zoom=zoom),
            )
            for zoom in (9, 10, 11, 12)
        ]


class TileChange(models.Model):
    """A statement that changed a table which tiles are made from; written by triggers."""

    source = models.CharField(max_length=60, db_index=True)
    at = models.DateTimeField(db_default=Now())


class TileStore(models.Model):
    """Tiles of mains made beforehand, where a great many stand in one (general.py)."""

    z = models.PositiveSmallIntegerField()
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["z", "x", "y"], name="one_stored_tile")]


#: Valves that a question has to know of: they do not turn, or nobody knows, or cannot be reached,
#: or stand closed. All others turn, can be reached and stand open.
NOTABLE_VALVES = (
    ~models.Q(operable="yes") | models.Q(accessible=False) | models.Q(position="closed")
)


class Valve(Asset):
    """An isolation valve: on `pipe`, at the end where the pipe meets `node`."""

    class Position(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    pipe = models.CharField(max_length=60)
    node = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, default="gate")
    diameter_mm = models.FloatField(default=0)
    normally_open = models.BooleanField(default=True)
    position = models.CharField(max_length=8, choices=Position.choices, default=Position.OPEN)
    operable = models.CharField(max_length=8, default="unknown")  # yes, no, unknown
    turns = models.PositiveSmallIntegerField(null=True)
    accessible = models.BooleanField(null=True)
    closes = models.CharField(max_length=14, blank=True)  # clockwise, anticlockwise
    chamber_depth_m = models.FloatField(null=True)
    gas = models.BooleanField(default=False)
    last_operated_at = models.DateTimeField(null=True)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="valve_tile"),
            models.Index(fields=["node"], name="valve_node"),
            models.Index(fields=["asset"], name="valve_notable", condition=NOTABLE_VALVES),
            # Those that do not stand as they should: drawn from far away.
            GistIndex(
                fields=["geom_3857"], name="valve_odd_tile",
                condition=models.Q(normally_open=True, position="closed")
                | models.Q(normally_open=False, position="open"),
            ),
        ]
        constraints = [
            # Looked at when the transaction ends: a new version may swap two valves' places.
            models.UniqueConstraint(
                fields=["pipe", "node"], name="one_valve_per_pipe_end",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]


class Control(Asset):
    """A pump or control valve between two nodes; pumps, check valves and PRVs are one-way."""

    start = models.CharField(max_length=60)
    end = models.CharField(max_length=60)
    kind = models.CharField(max_length=8)
    diameter_mm = models.FloatField(default=0)
    setting = models.FloatField(null=True)
    curve = models.JSONField(null=True)
    closed = models.BooleanField(default=False)
    power_w = models.FloatField(null=True)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="control_tile")]


class Hydrant(Asset):
    node = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, blank=True)
    outlet_mm = models.FloatField(default=0)
    flow_m3s = models.FloatField(null=True)
    standpipe = models.BooleanField(default=True)
    fire_critical = models.BooleanField(default=False)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="hydrant_tile"),
            models.Index(fields=["node"], name="hydrant_node"),
        ]


class ServiceLine(Asset):
    """The line from a main to a premise; `measure` says where along the pipe it taps (0 to 1)."""

    pipe = models.CharField(max_length=60, db_index=True)
    measure = models.FloatField()
    premise = models.CharField(max_length=60, db_index=True)
    diameter_mm = models.FloatField(default=32)
    material = models.CharField(max_length=20, blank=True)
    station = models.CharField(max_length=60, blank=True)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="service_tile")]


class Station(Asset):
    """A secondary-supply station: tank and pumps between a service line and the upper floors."""

    service = models.CharField(max_length=60)
    tank_m3 = models.FloatField(default=0)
    demand_m3h = models.FloatField(default=0)
    floors = models.CharField(max_length=40, blank=True)
    operator = models.CharField(max_length=80, blank=True)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="station_tile")]


class Manhole(Asset):
    """A manhole of the drainage network, which shares nothing with the pipes of drinking water."""

    kind = models.CharField(max_length=12, default="manhole")  # manhole, gully, pump, outfall
    ground_m = models.FloatField(default=0)
    invert_m = models.FloatField(default=0)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="manhole_tile")]


class Sewer(Asset):
    """A sewer main; water runs from manhole `start` to manhole `end`."""

    start = models.CharField(max_length=60)
    end = models.CharField(max_length=60)
    length_m = models.FloatField()
    diameter_mm = models.FloatField()
    material = models.CharField(max_length=20, blank=True)
    year = models.PositiveSmallIntegerField(null=True)
    carries = models.CharField(max_length=10, default="foul")  # foul, storm, combined
    invert_start_m = models.FloatField(null=True)
    invert_end_m = models.FloatField(null=True)
    street = models.CharField(max_length=120, blank=True)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="sewer_tile")]
