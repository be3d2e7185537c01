"""A measured figure and its limit."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """`value` is better when smaller; `unit` is empty for a ratio."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def held(self) -> bool:
        """Whether the limit was kept."""
        return self.value <= self.limit

    def line(self) -> str:
        """The line people read."""
        verdict = "ok" if self.held else "MISS"
        return (
            f"{self.name} {self.value:.3g}{self.unit} (want <= {self.limit:g}{self.unit}) {verdict}"
        )
