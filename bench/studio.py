"""Mock-ups: what six pictures and four clips take, in processor time, and how much memory."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from adgen.domain import Aspect, View
from adgen.providers import offline
from adgen.providers.catalogue import load_model
from adgen.providers.models import Watch
from adgen.providers.placeholder import paint_placeholder
from adgen.providers.studio import orders
from adgen.providers.templates import plan_from_prompt, scenes_from_views
from bench.figure import Figure

PROMPT, SEED, CORES, CLIPS = "pink tennis shoes", 456_123, 2, 4
Inputs = dict[str, object]


def figures() -> Iterator[Figure]:
    """Processor seconds over two cores: the wall time of two that do nothing else."""
    began = time.process_time()
    for inputs in _pictures():
        paint_placeholder(inputs, View(str(inputs["view"])), Aspect.WIDE)
    plain = time.process_time() - began
    six = sum(_taken(offline.STUDIO, inputs) for inputs in _pictures())
    yield Figure("studio_six_pictures", six / CORES, 45, " s")
    yield Figure("studio_pictures_over_plain", six / plain, 90)
    four = sum(_taken(offline.STUDIO_CAMERA, inputs) for inputs in _clips())
    yield Figure("studio_four_clips", four / CORES, 120, " s")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    yield Figure("studio_memory", peak, 1.5, " GB")


def _pictures() -> list[Inputs]:
    plan = plan_from_prompt(PROMPT)
    same = {"product": plan["product"], "style_keywords": plan["style_keywords"], "seed": SEED}
    return [{**same, **view, "aspect": "16:9", "model": offline.STUDIO} for view in plan["prompts"]]


def _clips() -> list[Inputs]:
    views = list(View)[:CLIPS]
    scenes = scenes_from_views(views, "girl running in sun")["scenes"]
    return [
        {**scene, "scene": orders.look_inputs(picture), "slot": slot, "aspect": "16:9",
         "seed": SEED, "model": offline.STUDIO_CAMERA}
        for slot, (scene, picture) in enumerate(zip(scenes, _pictures(), strict=False))
    ]  # fmt: skip


def _taken(model: str, inputs: Inputs) -> float:
    """Processor seconds of an order, of this process and of those it starts."""
    began = _spent()
    with tempfile.TemporaryDirectory(prefix="adgen-b-") as folder:
        spec, work = load_model(model), Path(folder)
        offline.OfflineModels().collect(spec, "offline-1", inputs, {}, work, Watch())
    return _spent() - began


def _spent() -> float:
    of_all = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in of_all)
