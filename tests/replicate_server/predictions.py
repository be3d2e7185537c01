"""A prediction: planned when created, its state then read off the clock."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.replicate_server.faults import FAILURES, Chosen, Fault
from tests.replicate_server.schemas import Kind, Model

ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})


@dataclass(frozen=True)
class Creation:
    """One creation the real service would have made, whether or not its answer arrived."""

    id: str
    model: str
    version: str
    input: dict[str, Any]
    at: float
    headers: dict[str, str]


@dataclass
class Prediction:
    """`at`, `starts`, `ends` are monotonic seconds; `status` is how it will have ended."""

    id: str
    model: Model
    version: str
    input: dict[str, Any]
    created: datetime
    at: float
    starts: float
    ends: float
    chosen: Chosen
    words: list[str] = field(default_factory=list)
    image: bytes = b""
    status: str = "succeeded"
    error: str | None = None
    deadline: datetime | None = None
    ttl: float = 3600
    polls: int = 0
    downloads: dict[str, int] = field(default_factory=dict)

    def state(self, now: float) -> str:
        """The status at that moment."""
        if now >= self.ends:
            return self.status
        if now < self.starts:
            return "starting"
        odd = self.chosen.fault is Fault.UNKNOWN_STATUS
        lasts = self.chosen.seconds(float("inf"))
        return "paused_by_alien" if odd and now < self.starts + lasts else "processing"

    def active(self, now: float) -> bool:
        """Whether it waits or runs."""
        return now < self.ends

    @property
    def started(self) -> bool:
        """Whether it will have run at all when it ends."""
        return self.starts < self.ends

    def listed_at(self, now: float) -> bool:
        """Whether the list shows it yet."""
        hidden = float(self.chosen.options.get("hidden", 0))
        if self.chosen.fault is Fault.HIDDEN_FROM_LIST:
            hidden = self.chosen.seconds(2)
        return now >= self.at + hidden

    def removed(self, now: float) -> bool:
        """Whether input, output and files are gone."""
        return now >= self.ends + self.ttl

    def stop(self, now: float, status: str) -> None:
        """End it now, unless it has ended."""
        if self.active(now):
            self.ends, self.status, self.error = now, status, None

    @property
    def count(self) -> int:
        """How many outputs it makes."""
        asked = int(self.input.get("num_outputs", 1)) if self.model.kind is Kind.IMAGE else 1
        if self.chosen.fault is Fault.PARTIAL_LIST:
            return int(self.chosen.options.get("count", asked - 1))
        return asked

    def billed(self, now: float) -> Decimal:
        """Units on the bill by then."""
        if self.active(now) or self.status not in ("succeeded", "canceled") or not self.started:
            return Decimal(0)
        return Decimal(self.count if self.model.kind is Kind.IMAGE else 1)

    def file_names(self) -> list[str]:
        """Names of the files it delivers."""
        if self.model.kind is Kind.TEXT:
            return []
        if self.model.kind is Kind.CLIP:
            return ["output.mp4"]
        if self.model.kind is Kind.AUDIO:
            return [f"out.{self.input.get('output_format', 'wav')}"]
        ending = self.input.get("output_format", "png" if "sdxl" in self.model.name else "webp")
        return [f"out-{number}.{ending}" for number in range(self.count)]

    def as_json(self, now: float, url: str) -> dict[str, Any]:
        """The prediction as the API words it."""
        state, removed = self.state(now), self.removed(now)
        ended, began = now >= self.ends, self.started and now >= self.starts
        body: dict[str, Any] = {
            "id": self.id,
            "model": self.model.name,
            "version": self.version,
            "input": {} if removed else self.input,
            "logs": "" if removed or not began else self._logs(),
            "output": self._output(url) if state == "succeeded" and not removed else None,
            "data_removed": removed,
            "error": self._error() if ended else None,
            "source": "api",
            "status": state,
            "created_at": stamp(self.created),
            "urls": {
                "cancel": f"{url}/v1/predictions/{self.id}/cancel",
                "get": f"{url}/v1/predictions/{self.id}",
                "web": f"{url}/p/{self.id}",
            },
        }
        if self.deadline:
            body["deadline"] = stamp(self.deadline)
        if began:
            body["started_at"] = stamp(self.created + timedelta(seconds=self.starts - self.at))
        if ended:
            body["completed_at"] = stamp(self.created + timedelta(seconds=self.ends - self.at))
            body["metrics"] = self._metrics()
        return body

    def _error(self) -> str | None:
        # Recorded: language models that succeeded carry an empty error, others null.
        empty = self.model.kind is Kind.TEXT and self.status == "succeeded"
        return self.error if self.error is not None or not empty else ""

    def _logs(self) -> str:
        return f"Using seed: {self.input.get('seed', self.created.microsecond)}\n"

    def _output(self, url: str) -> Any:
        fault, options = self.chosen.fault, self.chosen.options
        if fault in (Fault.OUTPUT_NULL, Fault.TIMED_OUT_SUCCESS):
            return None
        if fault is Fault.OUTPUT_WRONG_TYPE:
            return options.get("value", {"unexpected": [1, 2, 3]})
        if self.model.kind is Kind.TEXT:
            return self.words
        urls = [
            f"{url}/delivery/{self.id}/{number}/{name}"
            for number, name in enumerate(self.file_names())
        ]
        if fault is Fault.OUTPUT_URL:
            urls = [str(options["url"])]
        return urls if self.model.listed else urls[0]

    def _metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = {"total_time": round(self.ends - self.at, 6)}
        if not self.started:
            return metrics
        metrics["predict_time"] = ran = round(self.ends - self.starts, 6)
        if self.status != "succeeded":
            return metrics
        if self.model.kind is Kind.IMAGE and self.model.official:
            metrics["image_count"] = self.count
        if self.model.kind is Kind.TEXT:
            metrics["input_token_count"] = max(1, len(str(self.input.get("prompt", ""))) // 4)
            metrics["output_token_count"] = len(self.words)
            metrics["tokens_per_second"] = len(self.words) / max(ran, 0.001)
        return metrics


def apply(chosen: Chosen, prediction: Prediction) -> None:
    """Bend the plan of a new prediction as its fault wants."""
    fault = chosen.fault
    if fault in FAILURES:
        prediction.status, prediction.error = "failed", FAILURES[fault]
    elif fault is Fault.ABORTED:
        prediction.status, prediction.starts = "aborted", prediction.ends
    elif fault is Fault.CANCELED:
        prediction.status = "canceled"
    elif fault is Fault.TIMED_OUT_SUCCESS:
        prediction.error = "Prediction timed out"
    elif fault is Fault.DATA_REMOVED:
        prediction.ttl = 0
    elif fault is Fault.LONG_START:
        more = chosen.seconds(360) - (prediction.starts - prediction.at)
        prediction.starts += more
        prediction.ends += more
    elif fault is Fault.UNKNOWN_STATUS:
        prediction.ends += chosen.seconds(0)


def keep_deadline(prediction: Prediction, seconds: float) -> None:
    """`Cancel-After`: aborted if it has not begun by then, canceled if it runs."""
    prediction.deadline = prediction.created + timedelta(seconds=seconds)
    at = prediction.at + seconds
    if at <= prediction.starts:
        prediction.stop(at, "aborted")
    else:
        prediction.stop(at, "canceled")


def new_id() -> str:
    """An id in the service's manner: 26 lower-case letters and digits."""
    return base64.b32hexencode(secrets.token_bytes(17)).decode().lower()[:26]


def stamp(moment: datetime) -> str:
    """UTC with microseconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
