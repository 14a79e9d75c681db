"""What belongs to a network as a whole, as our own exports carry it: a table of keys and values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from gis_data.importing.values import Layers
from gis_data.model import Network

TABLE = "network"


def header_rows(network: Network) -> list[tuple[str, str]]:
    """Key and value as text, for an export."""
    values: dict[str, Any] = {
        "name": network.name,
        "crs_measure": network.crs_measure,
        "headloss": network.headloss,
        "patterns": {name: list(steps) for name, steps in network.patterns.items()},
        "pattern_step_s": network.pattern_step_s,
        "default_pattern": network.default_pattern,
        "rules": list(network.rules),
        "rule_blocks": list(network.rule_blocks),
    }
    return [(key, json.dumps(value, ensure_ascii=False)) for key, value in values.items()]


def read_header(layers: Layers) -> dict[str, Any]:
    """The values of a file of ours; empty for others, and for what cannot be understood."""
    layer = next((x for x in layers if x.name == TABLE), None)
    if layer is None or not {"key", "value"} <= set(layer.columns):
        return {}
    out: dict[str, Any] = {}
    for key, value in zip(layer.columns["key"], layer.columns["value"], strict=True):
        try:
            out[str(key)] = json.loads(value)
        except (TypeError, ValueError):
            continue
    return out


def with_header(network: Network, header: dict[str, Any]) -> Network:
    """The network with the patterns and rules of the header, as far as they make sense."""
    try:
        patterns = {
            str(name): tuple(float(v) for v in steps)
            for name, steps in header.get("patterns", {}).items()
        }
        default = str(header.get("default_pattern", ""))
        return replace(
            network,
            patterns=patterns,
            default_pattern=default if default in patterns else "",
            pattern_step_s=max(1, int(header.get("pattern_step_s", 3600))),
            rules=tuple(map(str, header.get("rules", ()))),
            rule_blocks=tuple(map(str, header.get("rule_blocks", ()))),
        )
    except (TypeError, ValueError, AttributeError):
        return network
