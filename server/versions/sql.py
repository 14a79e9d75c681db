"""Pieces of SQL for rows as JSON and for telling whether two rows say the same."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import CharField, FloatField

from server.versions.kinds import Kind

#: What is nearer than this has not moved, in metres.
STAYS_M = 0.01
# Degrees to metres on the way south to north; along a parallel the cosine shrinks it. Good to a
# few parts in a thousand, which is plenty for telling a centimetre from two.
_METRES = 111_320
_OF_HEADS = ("node", "elevation_m")


def as_json(kind: Kind, alias: str, columns: Iterable[str]) -> str:
    """`columns` of row `alias` as one JSON object; the geometry as hexadecimal EWKB, exactly."""
    pairs = (
        f"'{c}', encode(ST_AsEWKB({alias}.geom), 'hex')" if c == "geom"
        else f"'{c}', {alias}.\"{c}\""
        for c in columns
    )  # fmt: skip
    return f"jsonb_build_object({', '.join(pairs)})"


def picked(json: str, names: str) -> str:
    """The entries of the object `json` whose keys are in the text array `names`."""
    return f"(SELECT jsonb_object_agg(k, ({json}) -> k) FROM unnest({names}) k)"


def differs(kind: Kind, field: str, complete_nodes: bool) -> str:
    """Whether row s of the files says something else in `field` than row t in force."""
    t, s = f't."{field}"', f's."{field}"'
    if isinstance(kind.model._meta.get_field(field), FloatField):
        tolerance = kind.tolerance.get(field)
        allowed = f"{tolerance}" if tolerance else f"1e-6 * greatest(abs({t}), abs({s}))"
        # A reservoir has a head; what a file calls its elevation is that or nothing.
        besides = " AND s.kind <> 'reservoir'" if (kind.name, field) == _OF_HEADS else ""
        return (
            f"({t} IS DISTINCT FROM {s}{besides} AND ({t} IS NULL OR {s} IS NULL"
            f" OR abs({t} - {s}) > {allowed}))"
        )
    if kind.name == "node" and field == "kind" and not complete_nodes:
        # A file that draws no sources does not say that there are none.
        return f"({t} <> {s} AND {s} <> 'junction')"
    if isinstance(kind.model._meta.get_field(field), CharField):
        return f"(btrim({t}) IS DISTINCT FROM btrim({s}))"
    return f"({t} IS DISTINCT FROM {s})"


def moved(kind: Kind) -> str:
    """Whether the geometry of s is more than STAYS_M from that of t, or runs the other way."""
    squeeze = "cos(radians(ST_YMin(t.geom)))"
    a, b = (f"ST_Scale({x}.geom, {squeeze}, 1)" for x in ("t", "s"))
    is_line = kind.model._meta.get_field("geom").geom_type == "LINESTRING"  # type: ignore[union-attr]
    measure = "ST_HausdorffDistance" if is_line else "ST_Distance"
    far = f"{measure}({a}, {b}) * {_METRES} > {STAYS_M}"
    if is_line:
        ends = f"ST_Distance(ST_StartPoint({a}), ST_StartPoint({b}))"
        far = f"({far} OR {ends} * {_METRES} > {STAYS_M})"
    return f"CASE WHEN ST_OrderingEquals(t.geom, s.geom) THEN false ELSE {far} END"
