"""Streets, addresses, buildings, crossings and named places of the city."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GinIndex, GistIndex

from server.network.models import tiled


class Street(models.Model):
    """One stretch of a street as drawn on the map."""

    name = models.CharField(max_length=120, blank=True, db_index=True)
    klass = models.CharField(max_length=30)
    # The name folded as in normalise.py; what questions are matched against.
    folded = models.CharField(max_length=160, blank=True)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="street_tile"),
            GinIndex(fields=["name"], name="street_name", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["folded"], name="street_folded", opclasses=["gin_trgm_ops"]),
        ]


class Building(models.Model):
    source_id = models.CharField(max_length=40)
    kind = models.CharField(max_length=40, blank=True)
    levels = models.PositiveSmallIntegerField(null=True)
    geom = models.MultiPolygonField(srid=4326)
    geom_3857 = tiled(models.MultiPolygonField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="building_tile")]


class Address(models.Model):
    source_id = models.CharField(max_length=40)
    street = models.CharField(max_length=120)
    number = models.CharField(max_length=20)
    postcode = models.CharField(max_length=12, blank=True)
    # Street and number, folded as in normalise.py; what suggestions are matched against.
    folded = models.CharField(max_length=160)
    geom = models.PointField(srid=4326)

    class Meta:
        indexes = [
            GinIndex(fields=["folded"], name="address_folded", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["street", "number"], name="address_street_number"),
        ]


class Crossing(models.Model):
    street_a = models.CharField(max_length=120)
    street_b = models.CharField(max_length=120)
    folded = models.CharField(max_length=260)
    geom = models.PointField(srid=4326)

    class Meta:
        indexes = [
            GinIndex(fields=["folded"], name="crossing_folded", opclasses=["gin_trgm_ops"])
        ]


class Poi(models.Model):
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=60)
    folded = models.CharField(max_length=160)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [
            GistIndex(fields=["geom_3857"], name="poi_tile"),
            GinIndex(fields=["folded"], name="poi_folded", opclasses=["gin_trgm_ops"]),
        ]


class City(models.Model):
    """The city that is loaded: its name, its border, where crews start."""

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80, blank=True)
    measure_epsg = models.PositiveIntegerField()
    bounds = models.PolygonField(srid=4326)
    depot = models.PointField(srid=4326)
    loaded_at = models.DateTimeField(auto_now=True)
    source = models.JSONField(default=dict)
