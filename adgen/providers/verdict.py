"""What a finished prediction of Replicate means: its output, or an error in plain words.

The status decides, then the output; the error text only says why (facts: an empty error text on
a success and an error text on a "success" without output both occur). What is billed follows
Replicate's pages on billing: results are, failed and aborted runs are not, cancelled ones are
once they had begun. Where a bill cannot be known, the charge is unknown rather than nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from adgen.errors import (
    AdgenError,
    BadModelOutput,
    ContentRefused,
    ModelInputRefused,
    ProviderBusy,
    ProviderError,
    ResultLost,
)
from adgen.providers.catalogue import ModelSpec
from adgen.providers.models import Report

ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})
FIGURE_MAX = 10**9
# Replicate tells about six.
_FIGURES_KEPT = 24

# Texts a failed prediction carries; there is no code field. First match counts.
_REFUSED = re.compile(r"nsfw|flagged as sensitive|\bE005\b|content policy|moderat", re.IGNORECASE)
_INPUT = re.compile(r"input validation|\bE006\b|invalid input|unsupported image", re.IGNORECASE)
_MEMORY = re.compile(r"out of memory|\bE1001\b|\bOOM\b", re.IGNORECASE)
_PASSING = re.compile(
    r"interrupted|please retry|code: PA|^Director:|\bE8765\b|\bE9828\b|try again later|overloaded",
    re.IGNORECASE,
)


def read_output(
    spec: ModelSpec, prediction: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[str]:
    """The output of an ended prediction: URLs, or the pieces of a text. Raises what went wrong."""
    status = prediction.get("status")
    if status == "succeeded":
        return _checked(spec, prediction, inputs)
    if status == "failed":
        raise _failure(spec, str(prediction.get("error") or ""))
    if status == "aborted":
        raise ProviderBusy(f"Replicate gave up before {spec.label} began. It is not charged.")
    raise ProviderError(
        f"{spec.label} was cancelled at Replicate. Retry to have it made again.",
        charged=cancelled_charge(spec, prediction, inputs),
    )


def cancelled_charge(
    spec: ModelSpec, prediction: Mapping[str, Any] | None, inputs: Mapping[str, Any]
) -> Decimal | None:
    """Units billed for an order that was stopped; None when it is not known how far it came."""
    if prediction is None or str(prediction.get("status")) not in ENDED:
        return None
    return Decimal(0) if _free(prediction) else quantity(spec, prediction, inputs, outputs=1)


def _free(prediction: Mapping[str, Any]) -> bool:
    """Whether an ended one is not on the bill: it failed, or was stopped before it began."""
    status = prediction.get("status")
    begun = prediction.get("started_at") or metrics_of(prediction).get("predict_time")
    return status in ("failed", "aborted") or (status == "canceled" and not begun)


def quantity(
    spec: ModelSpec, prediction: Mapping[str, Any], inputs: Mapping[str, Any], outputs: int
) -> Decimal | None:
    """How many of the model's priced units it took; None when that is not known.

    What Replicate does not say is told by what came, or by what was ordered.
    """
    if spec.unit == "run":
        return Decimal(1)
    told = _told(spec, metrics_of(prediction))
    if spec.unit == "image":
        return told or Decimal(outputs)
    if spec.unit == "second":
        return told or number(inputs.get("seconds"))
    return told


def _told(spec: ModelSpec, metrics: Mapping[str, Any]) -> Decimal | None:
    """The units that its figures come to, without any guess; None when they do not say."""
    if spec.unit == "run":
        return Decimal(1) if metrics else None
    if spec.unit == "image":
        return _metric(metrics, "image_count", "image_output_count")
    if spec.unit == "second":
        return _metric(metrics, "video_output_duration_seconds")
    if spec.unit == "hardware-second":
        return number(metrics.get("predict_time"))
    tokens = [
        _metric(metrics, f"{way}_token_count", f"token_{way}_count") for way in ("input", "output")
    ]
    return sum((t for t in tokens if t is not None), Decimal(0)) if any(tokens) else None


def report(spec: ModelSpec, prediction: Mapping[str, Any]) -> Report:
    """What Replicate itself says of an ended prediction, to be held against what we charged.

    Of one that is not billed, by its status, it says so whatever it took.
    """
    figures = {
        name: value
        for name, value in islice(metrics_of(prediction).items(), _FIGURES_KEPT)
        if isinstance(value, int | float) and number(value) is not None and name.isprintable()
    }
    return Report(
        words={"status": str(prediction.get("status")), **figures},
        quantity=Decimal(0) if _free(prediction) else _told(spec, figures),
    )


def metrics_of(prediction: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its figures; none when it has none, or something else in their place."""
    metrics = prediction.get("metrics")
    return metrics if isinstance(metrics, Mapping) else {}


def _metric(metrics: Mapping[str, Any], *names: str) -> Decimal | None:
    """A figure of a prediction under its older or its newer name."""
    return next((n for n in map(number, map(metrics.get, names)) if n is not None), None)


def _checked(
    spec: ModelSpec, prediction: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[str]:
    output = prediction.get("output")
    values = output if isinstance(output, list) else [output]
    good = [
        value for value in values if isinstance(value, str) and (value or spec.output == "tokens")
    ]
    if good and len(good) == len(values):
        return good
    if good and spec.output == "uris":
        # A filter may have taken some of several pictures out; what came counts.
        return good
    charged = quantity(spec, prediction, inputs, outputs=1)
    if output is None and prediction.get("data_removed"):
        raise ResultLost(
            "The result was finished, and its file has been removed after an hour. "
            "Retry to have it made again; that costs again.",
            charged=charged,
        )
    raise BadModelOutput(f"{spec.label} ended without a usable result.", charged=charged)


def _failure(spec: ModelSpec, text: str) -> AdgenError:
    """A failed run's text as our error. Failed runs are taken as not charged."""
    if _REFUSED.search(text):
        return ContentRefused(
            f"{spec.label} refused the content. Change the words of the prompt, then try again."
        )
    if _INPUT.search(text):
        return ModelInputRefused(f"{spec.label} does not take this request ({plain(text)}).")
    if _MEMORY.search(text):
        return ModelInputRefused(
            f"{spec.label} ran out of memory. Choose another model for this step."
        )
    if _PASSING.search(text):
        return ProviderBusy(f"{spec.label} was interrupted at Replicate.")
    return BadModelOutput(f"{spec.label} failed ({plain(text) or 'no reason given'}).")


def plain(text: str) -> str:
    """A supplier's words made safe to show: no addresses, no tokens, one short line."""
    text = re.sub(r"\w+://\S+|data:\S+|r8_\w+", "…", text, flags=re.IGNORECASE)
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split()).rstrip(". ")
    return text if len(text) <= 160 else text[:159].rstrip() + "…"


def number(value: object) -> Decimal | None:
    """A figure that can be one: not negative, and no more than anything could cost or take."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        read = Decimal(str(value))
    except ArithmeticError:
        return None
    return read if read.is_finite() and 0 <= read < FIGURE_MAX else None
