"""What Replicate says of an order is kept as it was told, and counted without a guess."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adgen.providers import verdict
from adgen.providers.catalogue import ModelSpec, load_model

FLUX, LITE = "black-forest-labs/flux-pro", "bytedance/seedance-1-lite"
SDXL = "stability-ai/sdxl:7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
LLAMA, LARGE = "meta/meta-llama-3.1-70b-instruct", "meta/meta-llama-3.1-405b-instruct"
RAN = {"predict_time": 4.045511, "total_time": 3.47}


def told(spec: ModelSpec, status: str, metrics: Any, **more: Any) -> tuple[Any, Any]:
    said = verdict.report(spec, {"status": status, "metrics": metrics, **more})
    return said.words, said.quantity


@pytest.mark.parametrize(
    ("model", "metrics", "units"),
    [
        (FLUX, {**RAN, "image_count": 1}, 1),
        # Neither the number of files nor the order tells: Replicate has to.
        (FLUX, RAN, None),
        (SDXL, RAN, "4.045511"),
        (LITE, RAN, None),
        (LITE, {**RAN, "video_output_duration_seconds": 5.04}, "5.04"),
        (LLAMA, RAN, 1),
        (LARGE, {**RAN, "input_token_count": 54, "output_token_count": 166}, 220),
        (LLAMA, {}, None),
    ],
)
def test_its_figures_come_to_units_of_the_price(model: str, metrics: Any, units: Any) -> None:
    words, quantity = told(load_model(model), "succeeded", metrics)
    assert words == {"status": "succeeded", **metrics}
    assert quantity == (None if units is None else Decimal(units))


@pytest.mark.parametrize(
    ("status", "more", "units"),
    [
        ("failed", {}, 0),
        ("aborted", {}, 0),
        ("canceled", {}, 1),
        ("canceled", {"metrics": {"total_time": 1.5}}, 0),
    ],
)
def test_its_word_for_the_end_tells_whether_it_bills(status: str, more: Any, units: int) -> None:
    _, quantity = told(load_model(FLUX), status, **{"metrics": {**RAN, "image_count": 1}, **more})
    assert quantity == units


@pytest.mark.parametrize(
    "metrics",
    [None, [1], "x", {"image_count": "many", "a\x00b": 1, "predict_time": float("nan"),
                      "nested": {"deep": [1]}, "on": True, "less": -1, "most": 10**40}],
)  # fmt: skip
def test_what_is_no_figure_is_not_kept(metrics: Any) -> None:
    assert told(load_model(FLUX), "succeeded", metrics) == ({"status": "succeeded"}, None)


def test_a_thousand_figures_are_not_kept() -> None:
    many = {f"figure_{n}": n for n in range(1000)}
    assert len(told(load_model(FLUX), "succeeded", many)[0]) < 30
