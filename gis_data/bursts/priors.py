"""Which mains break more often, before anybody has called. A table to be replaced by one's own.

Breaks per kilometre and year, relative to a ductile iron main of 150 mm and 20 years. The default
follows what utilities report again and again (small, old, rigid mains break most); it is a rule of
thumb, not a fit to any one city.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gis_data.model import Pipe

#: By the first letters of the material as it is written in the network.
MATERIALS: Mapping[str, float] = {
    "GCI": 3.0, "CI": 3.0, "CAST": 3.0, "AC": 2.5, "STEEL": 1.5, "ST": 1.5, "GI": 2.5, "PVC": 0.8,
    "DI": 1.0, "HDPE": 0.4, "PE": 0.4, "PCCP": 0.6, "CONC": 0.8,
}  # fmt: skip


@dataclass(frozen=True)
class BreakRates:
    """Relative break rates. `unknown` stands for a material that is not in the table."""

    materials: Mapping[str, float] = field(default_factory=lambda: MATERIALS)
    unknown: float = 1.2
    diameter_power: float = -0.8
    per_decade: float = 1.15
    this_year: int = 2026

    def material(self, name: str) -> float:
        """The table's rate for a material, by its longest matching beginning."""
        name = name.strip().upper()
        best = max((m for m in self.materials if name.startswith(m)), key=len, default="")
        return self.materials[best] if best else self.unknown

    def per_km(self, pipe: Pipe) -> float:
        """Breaks per kilometre relative to the reference main."""
        age = 40 if pipe.year is None else min(max(self.this_year - pipe.year, 0), 120)
        bore = max(pipe.diameter_mm, 20.0) / 150.0
        decades = (age - 20) / 10.0
        by_bore, by_age = bore**self.diameter_power, self.per_decade**decades
        return float(self.material(pipe.material) * by_bore * by_age)

    def weight(self, pipe: Pipe) -> float:
        """How often this pipe breaks against others: rate times length."""
        return self.per_km(pipe) * max(pipe.length_m, 1.0) / 1000.0
