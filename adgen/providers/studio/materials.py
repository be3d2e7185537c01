"""What surfaces are made of, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from adgen.providers.studio.labels import Colour, Pixels, mix

Finish = Literal[
    "matte", "glossy", "metal", "glass", "wood", "leather", "fabric", "rubber", "paper", "glow",
    "liquid", "satin", "mirror", "screen",
]  # fmt: skip
CHROME: Colour = (0.86, 0.87, 0.89)
STEEL: Colour = (0.72, 0.73, 0.75)
GOLD: Colour = (0.93, 0.74, 0.42)
METALS: dict[str, Colour] = {
    "aluminium": (0.8, 0.81, 0.83), "aluminum": (0.8, 0.81, 0.83), "brass": (0.85, 0.68, 0.38),
    "bronze": (0.66, 0.47, 0.29), "chrome": CHROME, "copper": (0.89, 0.55, 0.42), "gold": GOLD,
    "golden": GOLD, "silver": (0.9, 0.9, 0.89), "steel": STEEL, "titanium": (0.56, 0.55, 0.54),
}  # fmt: skip


@dataclass(frozen=True)
class Material:
    """A finish in a colour (sRGB 0..1), or with a picture on it; `grain` makes a grain anew.

    `tile` is how many centimetres one repetition of grain or weave takes; `power` is how bright
    a glowing surface is.
    """

    finish: Finish
    colour: Colour
    picture: Pixels | None = None
    grain: int = 1
    tile: float = 12.0
    power: float = 1.0

    def tinted(self, colour: Colour, share: float = 1.0) -> Material:
        """The same in another colour."""
        return replace(self, colour=mix(self.colour, colour, share))


WHITE_PLASTIC = Material("satin", (0.93, 0.925, 0.91))
BLACK_PLASTIC = Material("satin", (0.05, 0.05, 0.055))
RUBBER = Material("rubber", (0.08, 0.08, 0.085))
