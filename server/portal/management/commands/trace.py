"""`standpipe trace ELEMENT`: which valves, who is off, or where the water comes from and goes."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from server.customers.models import UseClass
from server.network import tracing
from server.portal.asking import Asking

_LISTED = 12
_TITLES = {
    "upstream": gettext_lazy("Upstream of %(target)s"),
    "downstream": gettext_lazy("Downstream of %(target)s"),
    "connected": gettext_lazy("Joined to %(target)s"),
    "source_path": gettext_lazy("The way of the water to %(target)s"),
}


class Command(Asking):
    help = "What taking ELEMENT out of service would mean, or where its water comes from and goes."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("element", help="pipe, valve, hydrant, node, service line or premise")
        parser.add_argument("--kind", default="isolate", choices=tracing.KINDS)
        for name, text in (
            ("--inoperable", "valves that will not turn"),
            ("--closed", "valves to take as shut"),
            ("--usable", "valves with a cover nobody reaches, to be dug out"),
        ):
            parser.add_argument(name, nargs="+", action="extend", default=[], metavar="VALVE",
                                help=text)  # fmt: skip
        super().add_arguments(parser)

    def answer(self, options: dict[str, Any]) -> None:
        found = tracing.answer(
            options["element"], options["kind"],
            inoperable=_names(options["inoperable"]), closed=_names(options["closed"]),
            usable=_names(options["usable"]),
        )  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
            return
        lines = plan_lines(found) if found["kind"] == "isolate" else path_lines(found)
        self.stdout.write("\n".join(lines))


def _names(words: list[str]) -> list[str]:
    """V-1 V-2 and V-1,V-2 alike."""
    return [name for word in words for name in word.split(",") if name]


def plan_lines(found: dict[str, Any]) -> list[str]:
    """An isolation for somebody who reads it in a hurry: what to turn first, then who is off."""
    valves, people = found["valves"], found["premises"]
    lines = [f"! {w['text']}" for w in found["warnings"]]
    if valves:
        lines.append(
            _("To isolate %(target)s close these valves, in this order:")
            % {"target": found["target"]}
        )
    else:
        lines.append(_("No valve has to be closed for %(target)s.") % {"target": found["target"]})
    conditions = {
        "yes": _("turns"), "no": _("does not turn"), "unknown": _("nobody knows whether it turns"),
        "buried": _("has to be dug out"),
    }  # fmt: skip
    for valve in valves:
        more = [conditions.get(valve["condition"], valve["condition"])]
        if valve["turns"]:
            more.append(_("%(n)s turns") % {"n": valve["turns"]})
        if not valve["minimal"]:
            more.append(_("spare"))
        lines.append(f"{valve['sequence']:>3}  {valve['id']:<14} {', '.join(more)}")
    classes = dict(UseClass.choices)
    by_class = ", ".join(f"{n} {classes.get(k, k)}" for k, n in people["by_class"].items())
    lines.append(_("Premises without water: %(n)s") % {"n": people["total"]}
                 + (f" ({by_class})" if by_class else ""))  # fmt: skip
    lines += [
        "     " + _("%(name)s, %(use)s: water for %(hours)s h")
        % {"name": c["name"], "use": classes.get(c["class"], c["class"]),
           "hours": f"{c['hours_left']:g}"}
        for c in found["priority_customers"][:_LISTED]
    ]  # fmt: skip
    lines.append(
        _("Emptied: %(a)s pipes. Cut off beyond them: %(b)s pipes.")
        % {"a": len(found["segment"]["pipes"]), "b": len(found["unintended"]["pipes"])}
    )
    if found["hydrants_lost"]:
        ids = ", ".join(found["hydrants_lost"][:_LISTED])
        lines.append(_("Hydrants without water, tell the fire service: %(ids)s") % {"ids": ids})
    if found["alternatives"]:
        lines.append(_("If one of them will not turn, the least harm first:"))
    for other in found["alternatives"][:_LISTED]:
        text = _("without %(valve)s: premises more: %(n)s; also close: %(ids)s") % {
            "valve": other["valve"], "n": other["extra_customers"],
            "ids": ", ".join(other["extra_valves"]) or "–",
        }  # fmt: skip
        lines.append("     " + text)
        lines += [f"       ! {w['text']}" for w in other["warnings"] if not other["isolates"]]
    return lines


def path_lines(found: dict[str, Any]) -> list[str]:
    """The other traces: how much, from where, and the pipes."""
    lines = [f"! {w['text']}" for w in found["warnings"]]
    lines.append(
        _TITLES[found["kind"]] % {"target": found["target"]} + ": "
        + _("mains: %(n)s, metres: %(m)s")
        % {"n": len(found["pipes"]), "m": f"{found['length_m']:g}"}
    )  # fmt: skip
    if found["sources"]:
        lines.append(_("Sources: %(ids)s") % {"ids": ", ".join(found["sources"][:_LISTED])})
    arrow = " → " if found["kind"] == "source_path" else ", "
    lines.append(arrow.join(found["pipes"][:200]) + ("…" if len(found["pipes"]) > 200 else ""))
    return lines
