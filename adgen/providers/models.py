"""What any source of generated text, pictures and clips must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field

from adgen.domain import Value
from adgen.providers.catalogue import ModelSpec


class Result(Value):
    """What a finished order gave: a text, or a file in the caller's work folder.

    `quantity` counts the units of the model's price; `seconds` is how long it took;
    `metadata` goes onto the asset (width, height, duration_seconds, focus, ...).
    """

    text: str | None = None
    file: Path | None = None
    content_type: str = "text/plain"
    quantity: Decimal = Decimal(1)
    seconds: Decimal = Decimal(0)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Models(Protocol):
    """Order, then collect: an order may be collected again after a crash, at no further cost."""

    def order(self, spec: ModelSpec, inputs: Mapping[str, Any], key: str) -> str:
        """Ask for the work under our deterministic `key`; gives the provider's own id."""
        ...

    def collect(
        self,
        spec: ModelSpec,
        order_id: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, Path],
        work: Path,
        cancelled: Callable[[], bool],
    ) -> Result:
        """Wait for the order and fetch its result.

        `inputs` are those of the order, `files` its local input files by name, `work` an
        existing empty folder for the output. Raises a ProviderError, or Cancelled when
        `cancelled()` turned true.
        """
        ...

    def cancel(self, order_id: str) -> None:
        """Ask the provider to stop; never raises for an order that already ended."""
        ...
