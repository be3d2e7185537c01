"""What any source of generated text, pictures and clips must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from adgen.domain import Value
from adgen.providers.catalogue import ModelSpec

# Waiting for a machine, which may take minutes after a quiet time; or at work.
Phase = Literal["starting", "running"]


class Result(Value):
    """What a finished order gave: a text, or a file in the caller's work folder.

    `quantity` counts the units of the model's price, None when it is not told; `seconds` is how
    long it took; `metadata` goes onto the asset (width, height, duration_seconds, focus, ...).
    """

    text: str | None = None
    file: Path | None = None
    content_type: str = "text/plain"
    quantity: Decimal | None = Decimal(1)
    seconds: Decimal = Decimal(0)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Report(Value):
    """What the provider itself says of an order that has ended.

    `words` has its own word for the end (`status`) and the figures that it told, as told.
    `quantity` is what they come to in units of the model's price, None when they do not say.
    """

    words: dict[str, Any]
    quantity: Decimal | None


@dataclass(frozen=True)
class Watch:
    """How a long wait and the person talk: asked whether to stop, told what goes on.

    A provider that says itself what it did tells so to `report`, however the order ended; when
    twice, the last word counts.
    """

    cancelled: Callable[[], bool] = lambda: False
    phase: Callable[[Phase], None] = lambda _: None
    report: Callable[[Report], None] = lambda _: None


class Models(Protocol):
    """Prepare, order, collect. Only `order` may cost money, and it is called once for a key.

    All else may be repeated after a crash, at no further cost. `grace_s`: how long an order that
    was sent can take to show in `find`.
    """

    grace_s: float

    def prepare(
        self, spec: ModelSpec, inputs: Mapping[str, Any], files: Mapping[str, Path]
    ) -> dict[str, Any]:
        """The request as it will go out; local `files` by name are made reachable first."""
        ...

    def order(self, spec: ModelSpec, wire: Mapping[str, Any], key: str) -> str:
        """Send what `prepare` gave, under our deterministic `key`; gives the provider's own id.

        Raises AnswerLost when it may or may not have been taken. After any other error it
        certainly was not.
        """
        ...

    def find(self, spec: ModelSpec, wire: Mapping[str, Any], since: datetime) -> list[str]:
        """Ids of orders exactly like this one, taken after `since`, oldest first."""
        ...

    def collect(
        self,
        spec: ModelSpec,
        order_id: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, Path],
        work: Path,
        watch: Watch,
    ) -> Result:
        """Wait for the order and fetch its result.

        `inputs` are those of the order, `files` its local input files by name, `work` an
        existing empty folder for the output. Raises a ProviderError, or Cancelled when
        `watch.cancelled()` turned true.
        """
        ...
