"""What a product's file says: its words, and its parts built from shapes and materials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from adgen.domain import Font
from adgen.providers.studio import labels
from adgen.providers.studio.labels import Colour, Pixels, light_of, mix, toned
from adgen.providers.studio.materials import BLACK_PLASTIC, CHROME, GOLD, Finish, Material
from adgen.providers.studio.reading import Look
from adgen.providers.studio.shapes import Mesh

FONTS = (Font.MANROPE, Font.PLAYFAIR, Font.OSWALD, Font.LATO)


@dataclass(frozen=True)
class Part:
    """A surface and what it is made of."""

    mesh: Mesh
    material: Material


def standing(parts: Sequence[Part]) -> list[Part]:
    """The parts with their lowest point on z = 0."""
    low = min(float(part.mesh.points[:, 2].min()) for part in parts)
    return [Part(part.mesh.moved(0, 0, -low), part.material) for part in parts]


@dataclass(frozen=True)
class Recipe:
    """A product by its words.

    `build` gives its parts in centimetres, around the z axis and looking to -y; what is lowest
    will stand on the ground.
    `front` turns the front view by so many degrees, `macro` is what the detail view looks at,
    from `near` times the product's size; `floor` products stand on the floor of a room.
    """

    words: str
    build: Callable[[Kit], list[Part]]
    finish: Finish = "satin"
    front: float = 0.0
    macro: tuple[float, float, float] = (0.0, 0.0, 0.5)
    macro_turn: float = 25.0
    near: float = 0.42
    floor: bool = False


@dataclass
class Kit:
    """What a recipe takes its colours, materials and words from."""

    look: Look
    finish: Finish
    dice: np.random.Generator = field(init=False)
    font: Font = field(init=False)

    def __post_init__(self) -> None:
        self.dice = np.random.default_rng(self.look.seed)
        self.font = FONTS[int(self.dice.integers(len(FONTS)))]

    @property
    def main(self) -> Material:
        """The body's material, as the prompt wants it."""
        return Material(self.look.finish or self.finish, self.look.colour, grain=self.look.seed)

    @property
    def accent(self) -> Colour:
        """The second colour that was named, else one that goes with the first."""
        if self.look.accent:
            return self.look.accent
        light = light_of(self.look.colour)
        return (0.93, 0.92, 0.9) if light < 0.75 else (0.13, 0.13, 0.14)

    def of(self, finish: Finish, colour: Colour | None = None, tile: float = 12.0) -> Material:
        """A material in the main colour, or in another one."""
        return Material(finish, colour or self.look.colour, grain=self.look.seed, tile=tile)

    @property
    def metal(self) -> Material:
        """What clasps and caps are of: gold with warm colours now and then, else chrome."""
        warm = self.look.colour[0] > self.look.colour[2] + 0.1
        return Material("metal", GOLD if warm and self.dice.random() < 0.6 else CHROME)

    @property
    def dark(self) -> Material:
        """Black plastic."""
        return BLACK_PLASTIC

    @property
    def stone(self) -> Colour:
        """What plinths are of: pale, or deep where the set is dark."""
        return (
            self.shade(0.22, 0.3) if self.look.light in ("dark", "neon") else self.shade(0.8, 0.35)
        )

    def shade(self, light: float, fullness: float = 1.0) -> Colour:
        """The main colour, lighter or darker."""
        return toned(self.look.colour, light, fullness)

    def paper(self) -> Colour:
        """The ground of a label that stands out from the body."""
        light = light_of(self.look.colour)
        return (
            mix((0.96, 0.95, 0.92), self.look.colour, 0.06) if light < 0.8 else (0.16, 0.17, 0.18)
        )

    def label(self, wide: float, high: float, ground: Colour | None, small: str = "") -> Material:
        """A paper label of this shape; without a ground the name is printed on the body itself."""
        pixels = (round(720 * min(1.0, wide / high)), round(720 * min(1.0, high / wide)))
        name, body = self.look.name, self.look.colour
        if ground:
            return self.picture(labels.printed(name, ground, pixels, self.font, small), "paper")
        printed = labels.printed(name, body, pixels, self.font, small, framed=False)
        return self.picture(printed, self.main.finish)

    def picture(self, pixels: Pixels, finish: Finish) -> Material:
        """A surface with a picture on it."""
        return Material(finish, (1.0, 1.0, 1.0), picture=pixels)
