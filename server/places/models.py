"""Streets, addresses, buildings, crossings and named places of the city."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.utils.translation import gettext_lazy as _

from server.network.models import tiled


class Street(models.Model):
    """One stretch of a street as drawn on the map; `key` is its name as in normalise.py."""

    name = models.CharField(max_length=120, blank=True, db_index=True)
    klass = models.CharField(max_length=30)
    key = models.CharField(max_length=160, blank=True, db_index=True)
    geom = models.LineStringField(srid=4326)
    geom_3857 = tiled(models.LineStringField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="street_tile")]


class Building(models.Model):
    source_id = models.CharField(max_length=40)
    name = models.CharField(max_length=160, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    levels = models.PositiveSmallIntegerField(null=True)
    geom = models.MultiPolygonField(srid=4326)
    geom_3857 = tiled(models.MultiPolygonField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="building_tile")]


class Address(models.Model):
    """A house, building or room on record; what it is looked up by is made in houses.columns."""

    source_id = models.CharField(max_length=40)
    # The street, or the estate whose buildings are numbered.
    street = models.CharField(max_length=120)
    number = models.CharField(max_length=40)
    postcode = models.CharField(max_length=12, blank=True)
    street_key = models.CharField(max_length=160)
    number_key = models.CharField(max_length=40)
    # The figures the number begins with, and those it ends with where one house has several.
    value = models.PositiveIntegerField(null=True)
    until = models.PositiveIntegerField(null=True)
    geom = models.PointField(srid=4326)

    class Meta:
        indexes = [models.Index(fields=["street_key", "value"], name="address_key_value")]


class AddressRange(models.Model):
    """The numbers on both sides of one piece of street, looking along its line; None: no house."""

    street = models.CharField(max_length=120)
    street_key = models.CharField(max_length=160, db_index=True)
    left_from = models.PositiveIntegerField(null=True)
    left_to = models.PositiveIntegerField(null=True)
    right_from = models.PositiveIntegerField(null=True)
    right_to = models.PositiveIntegerField(null=True)
    geom = models.LineStringField(srid=4326)


class Crossing(models.Model):
    """Two named streets share a point here; keys in the order of the names."""

    street_a = models.CharField(max_length=120)
    street_b = models.CharField(max_length=120)
    key_a = models.CharField(max_length=160)
    key_b = models.CharField(max_length=160)
    geom = models.PointField(srid=4326)

    class Meta:
        indexes = [
            models.Index(fields=["key_a", "key_b"], name="crossing_keys"),
            models.Index(fields=["key_b"], name="crossing_key_b"),
        ]


class Poi(models.Model):
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=60)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="poi_tile")]


class Plate(models.Model):
    """A number that stands on something in the street and is no pipe: a lamp post, a bus stop."""

    number = models.CharField(max_length=40)
    kind = models.CharField(max_length=30, default="lamp")
    key = models.CharField(max_length=40, db_index=True)
    geom = models.PointField(srid=4326)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number"], name="plate_once")]


class Alias(models.Model):
    """What people call a place: a street's old name, a nickname. Outlives a reload of the city."""

    class Kind(models.TextChoices):
        OLD = "old", _("old name")
        LOCAL = "local", _("local name")

    text = models.CharField(max_length=120)
    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.LOCAL)
    # The name in force, or an address, a crossing, coordinates: whatever can be found.
    means = models.CharField(max_length=200)
    # What that was when it was written down: used where it is no name.
    grade = models.CharField(max_length=20)
    geom = models.PointField(srid=4326, spatial_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )


class Name(models.Model):
    """All that can be called by name, in the forms in which it is typed and heard.

    Made from streets, estates, places and aliases (names.refresh). Half a million addresses hang
    on some ten thousand names, so a name is looked for here and a number under its street.
    """

    class Kind(models.TextChoices):
        STREET = "street", _("street")
        ESTATE = "estate", _("estate")
        PLACE = "place", _("named place")
        ALIAS = "alias", _("alias")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.CharField(max_length=160)
    key = models.CharField(max_length=160)
    # Without the words that only say what sort of thing it is: likeness.stem.
    stem = models.CharField(max_length=160)
    # Pinyin without tones and its initials; '' where nothing is Chinese.
    sound = models.CharField(max_length=300, blank=True)
    initials = models.CharField(max_length=80, blank=True)
    # What sort of place, as in Poi.kind; for an alias what it means.
    about = models.CharField(max_length=200, blank=True)
    weight = models.PositiveIntegerField(default=0)
    geom = models.PointField(srid=4326, null=True, spatial_index=False)

    class Meta:
        indexes = [
            GinIndex(fields=["key"], name="name_key_like", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["stem"], name="name_stem_like", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["sound"], name="name_sound_like", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["key"], name="name_key", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["sound"], name="name_sound", opclasses=["varchar_pattern_ops"]),
            models.Index(
                fields=["initials"], name="name_initials", opclasses=["varchar_pattern_ops"]
            ),
            models.Index(fields=["about"], name="name_about"),
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
