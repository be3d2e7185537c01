"""Which models the fake serves, what their inputs may hold, and the 422 when they hold other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a model makes; decides its pace and its output."""

    TEXT = "text"
    IMAGE = "image"
    CLIP = "clip"
    AUDIO = "audio"


@dataclass(frozen=True)
class Field:
    """One input field, as JSON schema words it; `format` "uri" marks files."""

    type: str
    required: bool = False
    enum: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    format: str = ""


def text(*, required: bool = False) -> Field:
    return Field("string", required)


def uri(*, required: bool = False) -> Field:
    return Field("string", required, format="uri")


def whole(low: float | None = None, high: float | None = None) -> Field:
    return Field("integer", low=low, high=high)


def number(low: float | None = None, high: float | None = None) -> Field:
    return Field("number", low=low, high=high)


def flag() -> Field:
    return Field("boolean")


def one_of(*values: str) -> Field:
    return Field("string", enum=values)


def one_whole_of(*values: int) -> Field:
    return Field("integer", enum=values)


@dataclass(frozen=True)
class Model:
    """A served model. `listed` outputs are lists; official models hide their version."""

    name: str
    kind: Kind
    fields: Mapping[str, Field]
    versions: tuple[str, ...] = ()
    listed: bool = False
    files: Mapping[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        found = {name: f for name, f in self.fields.items() if f.format == "uri"}
        object.__setattr__(self, "files", found)

    @property
    def official(self) -> bool:
        """Whether it runs without naming a version."""
        return not self.versions

    @property
    def latest(self) -> str:
        """The version its page shows; official models have one too, made up here."""
        return (*self.versions, hashlib.sha256(self.name.encode()).hexdigest())[0]


_SVD = {
    "input_image": uri(required=True),
    "video_length": one_of("14_frames_with_svd", "25_frames_with_svd_xt"),
    "sizing_strategy": one_of("maintain_aspect_ratio", "crop_to_16_9", "use_image_dimensions"),
    "frames_per_second": whole(5, 30),
    "motion_bucket_id": whole(1, 255),
    "cond_aug": number(),
    "decoding_t": whole(),
    "seed": whole(),
}
_LLAMA_3 = {
    "prompt": text(),
    "max_tokens": whole(),
    "min_tokens": whole(),
    "temperature": number(),
    "top_p": number(),
    "top_k": whole(),
    "presence_penalty": number(),
    "frequency_penalty": number(),
    "prompt_template": text(),
}
_LLAMA_31 = {
    **{name: f for name, f in _LLAMA_3.items() if name != "prompt_template"},
    "system_prompt": text(),
    "stop_sequences": text(),
}
_FORMAT = one_of("webp", "jpg", "png")
_FLUX_RATIO = one_of("custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3")
_FLUX_11_PRO = {
    "prompt": text(required=True),
    "image_prompt": uri(),
    "aspect_ratio": _FLUX_RATIO,
    "width": whole(256, 1440),
    "height": whole(256, 1440),
    "safety_tolerance": whole(1, 6),
    "prompt_upsampling": flag(),
    "seed": whole(),
    "output_format": _FORMAT,
    "output_quality": whole(0, 100),
}
_FLUX_PRO = {
    **_FLUX_11_PRO,
    "steps": whole(1, 50),
    "guidance": number(2, 5),
    "interval": number(1, 4),
}
_FLUX_SCHNELL = {
    "prompt": text(required=True),
    "aspect_ratio": one_of(
        *("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
    ),
    "num_outputs": whole(1, 4),
    "num_inference_steps": whole(1, 4),
    "megapixels": one_of("1", "0.25"),
    "go_fast": flag(),
    "disable_safety_checker": flag(),
    "seed": whole(),
    "output_format": _FORMAT,
    "output_quality": whole(0, 100),
}
_FLUX_DEV = {
    **_FLUX_SCHNELL,
    "num_inference_steps": whole(1, 50),
    "guidance": number(0, 10),
    "image": uri(),
    "prompt_strength": number(0, 1),
}
_SDXL = {
    "prompt": text(),
    "negative_prompt": text(),
    "image": uri(),
    "mask": uri(),
    "width": whole(),
    "height": whole(),
    "num_outputs": whole(1, 4),
    "scheduler": one_of(
        *("DDIM", "DPMSolverMultistep", "HeunDiscrete", "KarrasDPM"),
        *("K_EULER_ANCESTRAL", "K_EULER", "PNDM"),
    ),
    "num_inference_steps": whole(1, 500),
    "guidance_scale": number(1, 50),
    "prompt_strength": number(0, 1),
    "refine": one_of("no_refiner", "expert_ensemble_refiner", "base_image_refiner"),
    "refine_steps": whole(),
    "high_noise_frac": number(0, 1),
    "lora_scale": number(0, 1),
    "replicate_weights": text(),
    "apply_watermark": flag(),
    "disable_safety_checker": flag(),
    "seed": whole(),
}
_WAN_A14B = {
    "image": uri(required=True),
    "prompt": text(required=True),
    "num_frames": whole(81, 100),
    "resolution": one_of("480p", "720p"),
    "frames_per_second": whole(5, 24),
    "sample_steps": whole(1, 50),
    "sample_shift": number(1, 20),
    "go_fast": flag(),
    "seed": whole(),
}
_WAN_FAST = {
    "image": uri(required=True),
    "prompt": text(required=True),
    "last_image": uri(),
    "num_frames": whole(81, 121),
    "resolution": one_of("480p", "720p"),
    "frames_per_second": whole(5, 30),
    "sample_shift": number(1, 20),
    "interpolate_output": flag(),
    "go_fast": flag(),
    "disable_safety_checker": flag(),
    "seed": whole(),
}
_KLING = {
    "start_image": uri(required=True),
    "prompt": text(required=True),
    "end_image": uri(),
    "mode": one_of("standard", "pro"),
    "duration": one_whole_of(5, 10),
    "negative_prompt": text(),
}
_SEEDANCE_PRO = {
    "prompt": text(required=True),
    "image": uri(),
    "last_frame_image": uri(),
    "duration": whole(2, 12),
    "resolution": one_of("480p", "720p", "1080p"),
    "aspect_ratio": one_of("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"),
    "fps": one_whole_of(24),
    "camera_fixed": flag(),
    "seed": whole(),
}
_HAILUO = {
    "prompt": text(required=True),
    "first_frame_image": uri(),
    "last_frame_image": uri(),
    "duration": one_whole_of(6, 10),
    "resolution": one_of("512p", "768p", "1080p"),
    "prompt_optimizer": flag(),
}
_HAILUO_FAST = {
    "prompt": text(required=True),
    "first_frame_image": uri(required=True),
    "duration": one_whole_of(6, 10),
    "prompt_optimizer": flag(),
    "go_fast": flag(),
}
_VIDEO_01 = {
    "prompt": text(required=True),
    "first_frame_image": uri(),
    "prompt_optimizer": flag(),
}
_MUSICGEN = {
    "prompt": text(),
    "model_version": one_of("stereo-melody-large", "stereo-large", "melody-large", "large"),
    "input_audio": uri(),
    "duration": whole(),
    "continuation": flag(),
    "continuation_start": whole(0),
    "continuation_end": whole(0),
    "multi_band_diffusion": flag(),
    "normalization_strategy": one_of("loudness", "clip", "peak", "rms"),
    "top_k": whole(),
    "top_p": number(),
    "temperature": number(),
    "classifier_free_guidance": whole(),
    "output_format": one_of("wav", "mp3"),
    "seed": whole(),
}

MODELS = {
    model.name: model
    for model in (
        Model("meta/meta-llama-3-70b-instruct", Kind.TEXT, _LLAMA_3, listed=True),
        Model("meta/meta-llama-3.1-70b-instruct", Kind.TEXT, _LLAMA_31, listed=True),
        Model("meta/meta-llama-3.1-405b-instruct", Kind.TEXT, _LLAMA_31, listed=True),
        Model("black-forest-labs/flux-pro", Kind.IMAGE, _FLUX_PRO),
        Model("black-forest-labs/flux-1.1-pro", Kind.IMAGE, _FLUX_11_PRO),
        Model("black-forest-labs/flux-schnell", Kind.IMAGE, _FLUX_SCHNELL, listed=True),
        Model("black-forest-labs/flux-dev", Kind.IMAGE, _FLUX_DEV, listed=True),
        Model(
            "stability-ai/sdxl",
            Kind.IMAGE,
            _SDXL,
            versions=(
                "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc",
                "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b",
            ),
            listed=True,
        ),
        Model(
            "stability-ai/stable-video-diffusion",
            Kind.CLIP,
            _SVD,
            versions=("3f0457e4619daac51203dedb472816fd4af51f3149fa7a9e0b5ffcf1b8172438",),
        ),
        Model(
            "christophy/stable-video-diffusion",
            Kind.CLIP,
            _SVD,
            versions=("92a0c9a9cb1fd93ea0361d15e499dc879b35095077b2feed47315ccab4524036",),
        ),
        Model(
            "sunfjun/stable-video-diffusion",
            Kind.CLIP,
            _SVD,
            versions=("d68b6e09eedbac7a49e3d8644999d93579c386a083768235cabca88796d70d82",),
        ),
        Model("wan-video/wan-2.2-i2v-a14b", Kind.CLIP, _WAN_A14B),
        Model("wan-video/wan-2.2-i2v-fast", Kind.CLIP, _WAN_FAST),
        Model("kwaivgi/kling-v2.1", Kind.CLIP, _KLING),
        Model("bytedance/seedance-1-lite", Kind.CLIP, _SEEDANCE_PRO),
        Model("bytedance/seedance-1-pro", Kind.CLIP, _SEEDANCE_PRO),
        Model("minimax/hailuo-02", Kind.CLIP, _HAILUO),
        Model("minimax/hailuo-02-fast", Kind.CLIP, _HAILUO_FAST),
        Model("minimax/video-01", Kind.CLIP, _VIDEO_01),
        Model(
            "meta/musicgen",
            Kind.AUDIO,
            _MUSICGEN,
            versions=("671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb",),
        ),
    )
}
BY_VERSION = {version: model for model in MODELS.values() for version in model.versions}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_JSON_NAMES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def input_errors(model: Model, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with an input, one line a field, in the words the real service uses."""
    lines = [
        f"- input.{name}: {name} is required"
        for name, f in model.fields.items()
        if f.required and name not in given
    ]
    for name, value in given.items():
        known = model.fields.get(name)
        if known is None:
            lines.append(f"- input.{name}: Additional property {name} is not allowed")
        else:
            lines += [f"- input.{name}: {why}" for why in _field_errors(name, known, value)]
    return lines


def _field_errors(name: str, known: Field, value: Any) -> Iterator[str]:
    if not _is_type(known.type, value):
        given = _JSON_NAMES.get(type(value), "object")
        yield f"Invalid type. Expected: {known.type}, given: {given}"
    elif known.enum and value not in known.enum:
        allowed = ", ".join(f'"{v}"' if isinstance(v, str) else str(v) for v in known.enum)
        yield f"{name} must be one of the following: {allowed}"
    elif known.low is not None and value < known.low:
        yield f"Must be greater than or equal to {known.low:g}"
    elif known.high is not None and value > known.high:
        yield f"Must be less than or equal to {known.high:g}"
    elif known.format == "uri" and ":" not in value[:8]:
        yield "Does not match format 'uri'"


def _is_type(wanted: str, value: Any) -> bool:
    if wanted != "boolean" and isinstance(value, bool):
        return False
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def version_json(model: Model, version: str) -> dict[str, Any]:
    """A version as the API words it, with its schema shaped like Cog's."""
    return {
        "id": version,
        "created_at": "2025-01-15T08:00:00.000000Z",
        "cog_version": "0.13.6",
        "openapi_schema": _openapi(model),
    }


def _openapi(model: Model) -> dict[str, Any]:
    required = [name for name, f in model.fields.items() if f.required]
    enums = {name: f for name, f in model.fields.items() if f.enum}
    schemas: dict[str, Any] = {
        "Input": {
            "type": "object",
            "title": "Input",
            **({"required": required} if required else {}),
            "properties": {
                name: _property(name, f, order)
                for order, (name, f) in enumerate(model.fields.items())
            },
        },
        "Output": _output(model),
        **{
            name: {"enum": list(f.enum), "type": f.type, "title": name, "description": ""}
            for name, f in enums.items()
        },
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _property(name: str, known: Field, order: int) -> dict[str, Any]:
    if known.enum:
        return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "x-order": order}
    extra = {"minimum": known.low, "maximum": known.high, "format": known.format or None}
    title = name.replace("_", " ").title()
    given = {key: value for key, value in extra.items() if value is not None}
    return {"type": known.type, "title": title, "x-order": order, **given}


def _output(model: Model) -> dict[str, Any]:
    item = {"type": "string"} | ({} if model.kind is Kind.TEXT else {"format": "uri"})
    if not model.listed:
        return {"title": "Output", **item}
    tokens = {"x-cog-array-type": "iterator", "x-cog-array-display": "concatenate"}
    extra = tokens if model.kind is Kind.TEXT else {}
    return {"type": "array", "items": item, "title": "Output", **extra}
