"""What gis_data finds, in the reader's language: its codes and their values as sentences.

A code that is not here is said with the library's own English sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis_data.importing import ImportRefused, MapProblem

# Files and coordinate systems that cannot be used as a whole.
_FILES: dict[str, Promise] = {
    "missing": _("There is no file %(file)s."),
    "empty": _("%(file)s is empty."),
    "too_large": _("%(file)s is larger than %(most_mb)s MB."),
    "damaged": _("%(file)s is damaged, or is not what its name says."),
    "unknown_format": _("%(file)s holds no GeoPackage, Shapefile, GeoJSON, CSV or EPANET file."),
    "bomb": _("%(file)s grows beyond all measure when unpacked."),
    "encrypted": _("%(file)s is protected by a password."),
    "too_many_members": _("%(file)s holds more than %(most)s files."),
    "too_many_layers": _("The files hold more than %(most)s layers."),
    "too_many_columns": _("A layer has more than %(most)s columns."),
    "too_many_features": _("The files hold %(count)s records; %(most)s are the most."),
    "inp_among_others": _("Bring an EPANET file in by itself."),
    "no_features": _("%(file)s holds no records."),
    "no_pipes": _("Say which layer holds the pipes or the sewers."),
    "not_epanet": _("This does not begin like an EPANET file: text stands before the first "
                    "[SECTION]."),
    "unknown_section": _("EPANET knows no section %(section)s."),
    "nothing_left": _("No pipe and no sewer could be built: %(quarantined)s records cannot be "
                      "used."),
    "no_geometry": _("There is no usable geometry."),
    "crs_missing": _("The files do not say in which coordinate system they are drawn. Give its "
                     "EPSG number."),
    "unknown_crs": _("%(crs)s is no known coordinate system."),
    "crs_outside": _("As %(crs)s the network would lie outside the city."),
    "crs_contradiction": _("The file says %(crs)s and names another system beside it. Say which "
                           "one is right."),
    "crs_axes_swapped": _("As %(crs)s the network would lie outside the city; with its axes "
                          "exchanged it would fit. Export it with east before north."),
    "crs_degrees": _("The coordinates look like degrees, but %(crs)s is in metres."),
    "crs_not_degrees": _("The coordinates are no degrees, as %(crs)s would have them."),
    "crs_unit": _("As %(crs)s the network would lie outside the city; the unit of its coordinates "
                  "is another one."),
    "crs_local": _("The coordinates look like those of a local drawing, not of a map."),
    "not_measuring": _("Lengths cannot be measured in EPSG:%(crs)s."),
    "failed": _("It did not work, and nothing was changed: %(error)s"),
    "too_dirty": _("%(bad)s of %(all)s records cannot be used; what is left would be a torn "
                   "network. See the list of what was set aside."),
}  # fmt: skip

# What keeps a map of columns from being used, or what it costs.
_MAPS: dict[str, Promise] = {
    "no_such_layer": _("The files have no layer %(layer)s."),
    "no_such_attribute": _("There is no %(attribute)s to be known of that."),
    "no_such_column": _("%(layer)s has no column %(column)s."),
    "column_twice": _("The column %(column)s is used more than once."),
    "unknown_unit": _("%(unit)s is no unit of that."),
    "missing_column": _("%(layer)s: say which column holds the %(attribute)s, or give one value "
                        "for all."),
    "no_place": _("%(layer)s has no geometry: say which columns hold the coordinates."),
    "wrong_shape": _("%(shape)s: this layer cannot hold that."),
    "no_sources": _("No layer holds sources or tanks; those in force stay."),
    "ids_made_up": _("%(layer)s has no numbers of its own; they are made from the lines and change "
                     "when the file does."),
    "unknown_words": _("%(records)s records say something unknown for %(attribute)s: %(words)s."),
    "not_an_object": _("That is no object."),
    "not_text": _("That is no text."),
    "not_json": _("That is no JSON."),
}  # fmt: skip

# Why a record was set aside.
_RECORDS: dict[str, Promise] = {
    "duplicate_id": _("Its number stands already in line %(line)s of %(layer)s."),
    "missing_value": _("Something that must be known is missing: %(attribute)s."),
    "unknown_value": _("Nobody knows what “%(value)s” means."),
    "not_a_number": _("“%(value)s” is no number."),
    "not_a_year": _("“%(value)s” names no year."),
    "out_of_range": _("“%(value)s” cannot be right; %(least)s is the limit."),
    "too_long": _("It is longer than %(most)s characters."),
    "unknown_reference": _("It names %(value)s, which is not there."),
    "empty_geometry": _("Its geometry is empty."),
    "not_finite": _("A coordinate is no number."),
    "out_of_extent": _("It lies outside the city (%(x)s, %(y)s)."),
    "zero_length": _("It has no length."),
    "multipart": _("It consists of parts that do not meet."),
    "no_area": _("It encloses nothing."),
    "same_ends": _("It starts and ends at the same node."),
    "off_pipe": _("It lies more than %(reach_m)s m from every pipe."),
    "valve_twice": _("It stands in the same place as %(other)s."),
    "not_a_curve": _("That is no list of flow and head."),
}  # fmt: skip

# What was done on the way.
_NOTES: dict[str, Promise] = {
    "wide_rows": _("Some lines have more fields than the first; the rest was left out."),
    "areas_as_points": _("%(count)s areas of %(layer)s became points."),
    "area_repaired": _("The outline of %(element)s crossed itself and was repaired."),
    "services_assumed": _("%(count)s premises have no service line and tap the nearest main."),
    "premises_unfed": _("%(count)s premises lie near no main."),
    "premises_made": _("%(count)s service lines name no premise; one was made at their end."),
    "nodes_made": _("%(count)s nodes were made where ends of lines lie."),
    "rings_cut": _("%(count)s pipes that end where they start were cut in two."),
    "pipes_cut_at_tees": _("%(count)s times a pipe was cut where another ends on it."),
    "works_joined": _("%(count)s sources or tanks were joined to the main beside them."),
    "pipes_cut_at_hydrants": _("%(count)s times a pipe was cut at a hydrant."),
    "pipes_cut_at_valves": _("%(count)s times a pipe was cut at a valve in its middle."),
    "no_heights": _("No heights are known: pressures cannot be computed."),
    "direction_assumed": _("%(count)s pumps and control valves let water pass as they are drawn."),
}

# What is wrong or doubtful in a network (gis_data.readiness.SENTENCES and gis_data.quality).
_FINDINGS: dict[str, Promise] = {
    "dangling_end": _("Ends here with no hydrant, valve or customer."),
    "near_miss": _("Ends %(gap_m)s m from %(other)s without meeting it."),
    "crossing_without_node": _("Crosses %(other)s without a node: a bridge, or a junction that is "
                               "missing?"),
    "duplicate_id": _("Was left out: its number stands already in line %(line)s of %(layer)s."),
    "id_shared": _("Two things of different kinds have this number."),
    "valve_off_pipe": _("Stands %(gap_m)s m from its pipe %(pipe)s."),
    "pipe_without_source": _("This and %(pipes)s more pipes (%(length_m)s m) are joined to no "
                             "source."),
    "pipe_shut_off": _("Has no water with all valves as they normally stand."),
    "premise_without_main": _("Hangs on no main."),
    "premise_twice": _("%(times)s premises have this number."),
    "zone_without_source": _("This zone gets no water from any source (%(pipes)s pipes)."),
    "diameter_jump": _("Has %(diameter_mm)s mm between %(before_mm)s mm and %(after_mm)s mm."),
    "sewer_uphill": _("Runs uphill: its end is %(rise_m)s m higher."),
    "sewer_end_missing": _("Ends at %(node)s, where no manhole is."),
    "manhole_without_sewer": _("Has no sewer."),
    "sewer_against_ground": _("Lies above the ground at %(node)s."),
    "id": _("Is stored under another number than its own."),
    "position": _("Has no position on earth."),
    "crs": _("Lengths cannot be measured in the system given."),
    "elevation": _("Its elevation cannot be right."),
    "negative_demand": _("Its demand is below zero: an inlet nobody named?"),
    "end_missing": _("One of its ends is no node."),
    "same_ends": _("It starts and ends at the same node."),
    "diameter": _("Its diameter cannot be right."),
    "length": _("Its length cannot be right."),
    "roughness": _("Its roughness cannot be right."),
    "year": _("The year it was laid cannot be right."),
    "parallel": _("Runs between the same nodes as another pipe."),
    "length_differs": _("The length in the records and that of the drawing differ."),
    "off_node": _("Is drawn away from its node."),
    "valve_pipe": _("Stands on a pipe that is not there."),
    "valve_side": _("Its node is no end of its pipe."),
    "valve_twice": _("Stands at the same end of a pipe as another valve."),
    "hydrant_node": _("Stands at a node that is not there."),
    "service_pipe": _("Taps a pipe that is not there."),
    "service_measure": _("Taps its pipe beyond its ends."),
    "service_premise": _("Leads to no premise."),
    "tank_shape": _("Is a tank without a shape."),
    "tank_levels": _("Diameter or levels make no tank."),
}  # fmt: skip

# Why a network is not simply fit for something (gis_data.readiness.REASONS).
_REASONS: dict[str, Promise] = {
    "no_pipes": _("There are no pipes."),
    "no_source": _("There is no source and no tank."),
    "no_valves": _("There are no valves: nothing can be shut off."),
    "errors": _("%(count)s records contradict each other."),
    "quarantined": _("%(count)s records (%(share)s %%) were left out."),
    "premises_without_main": _("%(count)s premises (%(share)s %%) hang on no main."),
    "no_premises": _("There are no premises: nobody can be named as cut off."),
    "without_source": _("%(count)s pipes (%(share)s %%) are joined to no source."),
    "shut_off": _("%(count)s pipes (%(share)s %%) have no water with valves as they normally "
                  "stand."),
    "near_misses": _("%(count)s ends nearly touch something they are not joined to."),
    "crossings": _("%(count)s pipes cross without a node."),
    "valves_off_pipe": _("%(count)s valves stand beside their pipes."),
    "valves_unknown": _("Of %(count)s valves (%(share)s %%) nobody knows whether they turn."),
    "lengths_differ": _("%(count)s lengths (%(share)s %%) differ from the drawing."),
    "diameter_jumps": _("%(count)s pipes have a diameter that fits neither neighbour."),
    "no_heights": _("No heights are known."),
    "no_demands": _("No demands are known."),
    "zones_without_source": _("%(count)s zones get no water from any source."),
}  # fmt: skip

SENTENCES: dict[str, Promise] = {
    **_FILES, **_MAPS, **_RECORDS, **_NOTES,
    # What the report says of a part and what a reader says of a record may share a code.
    **{f"finding.{code}": text for code, text in _FINDINGS.items()},
    **{f"reason.{code}": text for code, text in _REASONS.items()},
}  # fmt: skip


# What a file must say of a thing, as the screen calls it.
_NAMED: dict[str, Promise] = {
    "id": _("number on the plate"), "diameter": _("diameter"), "kind": _("kind"),
    "start": _("from node"), "end": _("to node"), "length": _("length"),
}  # fmt: skip


def say(code: str, params: Mapping[str, Any], otherwise: str) -> str:
    """The sentence for `code` in the language in use; `otherwise` where there is none."""
    sentence = SENTENCES.get(code)
    if sentence is None:
        return _ended(otherwise)
    shown = {k: _shown(v) for k, v in params.items()}
    if shown.get("attribute") in _NAMED:
        shown["attribute"] = str(_NAMED[shown["attribute"]])
    try:
        return str(sentence) % shown
    except (KeyError, TypeError, ValueError):
        return _ended(otherwise)


def _ended(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.1f}"
    return str(value)


def problem(error: ImportRefused) -> dict[str, Any]:
    """A refusal of the library as it is kept with a draft."""
    kept: dict[str, Any] = {
        "field": error.field, "code": error.code, "message": error.message,
        "params": plain(error.params),
    }  # fmt: skip
    if error.line:
        kept["line"] = error.line
    if error.candidates:
        kept["candidates"] = [{"epsg": n, "name": _name(n)} for n in error.candidates]
    return kept


def map_problem(found: MapProblem) -> dict[str, Any]:
    return {
        "field": found.field, "code": found.code, "message": found.message,
        "params": plain(found.params),
    }  # fmt: skip


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON can hold them, texts cut to what a person reads."""
    return {str(k)[:60]: _plain(v) for k, v in values.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value[:20]]
    # No column can hold NUL or half of a pair.
    return str(value)[:200].replace("\x00", "").encode("utf-8", "replace").decode()


def _name(epsg: int) -> str:
    try:
        return str(CRS.from_epsg(epsg).name)
    except CRSError:
        return ""
