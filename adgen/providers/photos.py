"""The door for people's pictures: read, checked, turned upright, stripped, and looked at."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from adgen.domain import Value
from adgen.errors import BadModelOutput, InputRejected

BYTES_MAX = 25 * 1024 * 1024
PIXELS_MAX = 40_000_000
SIDE_MAX = 12_000
SIDE_MIN = 256
MODEL_SIDE_MIN = 64
LONG_SIDE = 2560
JPEG_QUALITY = 92
# The subject is looked for in a picture of at most so many pixels a side.
FOCUS_SIDE = 160
# Named at every open: Pillow below 12 has decoders with known holes, and tries them all.
FORMATS = ["PNG", "JPEG", "WEBP"]
SAMPLE = ("chair-and-bowl", "mugs-on-table", "oak-chair", "stoneware-jug")

# What Pillow's decoders raise on damaged files; there is no common root.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError)
_DAMAGED = (*_UNREADABLE, struct.error, zlib.error, OverflowError, MemoryError)

# For the whole process, because `catch_warnings` is not safe among threads.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

Floats = NDArray[np.float32]


class Photo(Value):
    """A person's picture made safe: an upright sRGB JPEG, and where its subject is (0..1)."""

    data: bytes
    width: int
    height: int
    focus: tuple[float, float]


def read_photo(data: bytes, name: str) -> Photo:
    """Check and normalise an uploaded picture, else InputRejected with what would do."""
    shown = shown_name(name)
    image = _open(data, shown)
    if min(image.size) < SIDE_MIN:
        raise _too_small(shown, image, f"{SIDE_MIN} pixels on each side")
    image = _upright(image, shown, _as_srgb)
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if min(image.size) < SIDE_MIN:
        raise InputRejected(f"{shown} is too narrow. Crop it to a more even shape.")
    return Photo(
        data=as_jpeg(image), width=image.width, height=image.height, focus=find_focus(image)
    )


def read_cutout(data: bytes, name: str, least: int) -> Image.Image:
    """An uploaded picture that keeps what is see-through: upright, sRGB, as RGBA.

    Its longer side has at least `least` pixels, else InputRejected with what would do.
    """
    shown = shown_name(name)
    image = _open(data, shown)
    if max(image.size) < least:
        raise _too_small(shown, image, f"{least} pixels on its longer side")
    return _upright(image, shown, _as_cutout)


def _too_small(shown: str, image: Image.Image, least: str) -> InputRejected:
    size = f"{image.width} × {image.height} pixels"
    return InputRejected(f"{shown} is too small ({size}). Use one with at least {least}.")


def as_jpeg(image: Image.Image) -> bytes:
    """The picture as JPEG bytes without any metadata."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def look_at(path: Path) -> dict[str, Any]:
    """Decode a model's picture whole; its width, height and focus. Raises BadModelOutput."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX or min(image.size) < MODEL_SIDE_MIN:
                raise BadModelOutput("The model's picture has an unusable size.")
            width, height = image.size
            # Read to its end all the same, but a JPEG decodes to a quarter in a third of the time.
            image.draft("RGB", (FOCUS_SIDE, FOCUS_SIDE))
            image.load()
            return {"width": width, "height": height, "focus": list(find_focus(image))}
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, *_DAMAGED) as error:
        raise BadModelOutput("The model's picture is damaged.") from error


def find_focus(image: Image.Image) -> tuple[float, float]:
    """Where the subject most likely is, 0..1: busy, unlike the border, and not far out."""
    small = image.convert("RGB")
    small.thumbnail((FOCUS_SIDE, FOCUS_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32) / 255.0
    interest = _unlike_border(pixels) * (0.15 + _edges(pixels)) * _centre_bias(pixels.shape)
    reach = max(2, round(min(small.size) * 0.085))
    # Twice, for a window that counts its middle most: it settles on an object, not between two.
    dense = _box_mean(_box_mean(interest, reach), reach)
    row, column = np.unravel_index(int(np.argmax(dense)), dense.shape)
    x, y = _centroid(interest, int(column), int(row), reach)
    return round(x / small.width, 3), round(y / small.height, 3)


def crop_window(
    size: tuple[int, int], aspect: float, focus: tuple[float, float], zoom: float
) -> tuple[float, float, float, float]:
    """The largest box of `aspect` divided by `zoom`, around the focus and inside the picture."""
    width, height = float(size[0]), float(size[1])
    wide = min(width, height * aspect) / max(zoom, 1.0)
    tall = min(wide / aspect, height)
    left = min(max(focus[0] * width - wide / 2, 0.0), width - wide)
    top = min(max(focus[1] * height - tall / 2, 0.0), height - tall)
    return left, top, left + wide, top + tall


def sample_photos() -> list[tuple[str, bytes]]:
    """The sample product's pictures, as (name, bytes)."""
    folder = files(__package__).joinpath("data", "sample")
    return [(f"{name}.jpg", folder.joinpath(f"{name}.jpg").read_bytes()) for name in SAMPLE]


def shown_name(name: str) -> str:
    """A file's name as it may stand in a message."""
    # It lands in messages that are rendered as Markdown, so only plain signs are kept.
    base = re.split(r"[/\\]", name)[-1]
    clean = re.sub(r"[^\w .()-]", "", base).strip()
    return clean[:60].strip() or "This file"


def _open(data: bytes, shown: str) -> Image.Image:
    if not data:
        raise InputRejected(f"{shown} is empty. Use a PNG, JPEG or WebP file.")
    if len(data) > BYTES_MAX:
        raise InputRejected(f"{shown} is larger than 25 MB. Use a smaller file.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputRejected(_too_large(shown)) from None
    except _DAMAGED:
        raise InputRejected(
            f"{shown} is not a picture we can read. Use a PNG, JPEG or WebP file."
        ) from None
    # The header's word, before a single pixel is decoded.
    width, height = image.size
    if max(width, height) > SIDE_MAX or width * height > PIXELS_MAX:
        raise InputRejected(_too_large(shown, f" ({width:,} × {height:,} pixels)"))
    return image


def _too_large(shown: str, size: str = "") -> str:
    return (
        f"{shown} has too many pixels{size}. "
        f"Use one up to {SIDE_MAX:,} pixels a side and {PIXELS_MAX // 1_000_000} megapixels."
    )


def _upright(
    image: Image.Image, shown: str, finish: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    try:
        image.load()
        turned = ImageOps.exif_transpose(image) if _is_turned(image) else image
        return finish(turned)
    except (*_DAMAGED, ImageCms.PyCMSError):
        raise InputRejected(
            f"{shown} is damaged and cannot be read to the end. Export it again and retry."
        ) from None


def _is_turned(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(0x0112, 1) != 1)
    except _DAMAGED:
        return False  # Broken EXIF is no reason to refuse the pixels.


def _as_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow clips 16-bit grey instead of scaling it.
        deep = np.asarray(image, dtype=np.float64)
        flat = Image.fromarray((np.clip(deep, 0, 65535) / 257).astype(np.uint8))
        return _clean(flat.convert("RGB"))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return _clean(_to_srgb(Image.alpha_composite(white, rgba).convert("RGB"), profile))
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    return _clean(_to_srgb(image, profile))


def _as_cutout(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data or image.mode.startswith(("I", "F")):
        return _as_srgb(image).convert("RGBA")
    rgba = image.convert("RGBA")
    # The colours alone: laid on white, a soft edge would carry a white rim to every ground.
    cutout = _to_srgb(rgba.convert("RGB"), image.info.get("icc_profile"))
    cutout.putalpha(rgba.getchannel("A"))
    return _clean(cutout)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return image.convert("RGB")
    try:
        turned = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):
        # A profile of another colour space than the pixels, or a broken one: do without.
        turned = None
    return turned or image.convert("RGB")


def _clean(image: Image.Image) -> Image.Image:
    fresh = image.copy()
    fresh.info = {}
    return fresh


def _unlike_border(pixels: Floats) -> Floats:
    edge = max(2, round(min(pixels.shape[:2]) * 0.06))
    strips = (pixels[:edge], pixels[-edge:], pixels[:, :edge], pixels[:, -edge:])
    border = np.concatenate([strip.reshape(-1, 3) for strip in strips])
    away: Floats = np.linalg.norm(pixels - border.mean(axis=0), axis=2).astype(np.float32)
    away /= max(float(away.max()), 1e-6)
    return away


def _edges(pixels: Floats) -> Floats:
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    down, across = np.gradient(grey)
    energy: Floats = np.hypot(down, across).astype(np.float32)
    # Capped, so that one hard line does not outshout a whole object.
    ceiling = max(float(np.percentile(energy, 97)), 1e-6)
    capped: Floats = np.clip(energy / ceiling, 0.0, 1.0)
    return capped


def _centre_bias(shape: tuple[Any, ...]) -> Floats:
    rows = (np.arange(shape[0], dtype=np.float32) + 0.5) / shape[0] - 0.5
    columns = (np.arange(shape[1], dtype=np.float32) + 0.5) / shape[1] - 0.5
    far = rows[:, None] ** 2 + columns[None, :] ** 2
    bias: Floats = np.exp(-far / 0.18).astype(np.float32)
    return bias


def _box_mean(field: Floats, reach: int) -> Floats:
    padded = np.pad(field, reach + 1, mode="constant")
    total = padded.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    side = 2 * reach + 1
    # Padding counts as dull, so a window never likes to hang over the edge.
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    mean: Floats = (sums[: field.shape[0], : field.shape[1]] / side**2).astype(np.float32)
    return mean


def _centroid(field: Floats, column: int, row: int, reach: int) -> tuple[float, float]:
    top, left = max(0, row - reach), max(0, column - reach)
    near = field[top : row + reach + 1, left : column + reach + 1]
    weight = float(near.sum())
    if weight < 1e-6:
        return field.shape[1] / 2, field.shape[0] / 2
    rows, columns = np.mgrid[0 : near.shape[0], 0 : near.shape[1]]
    return (
        left + float((columns * near).sum()) / weight + 0.5,
        top + float((rows * near).sum()) / weight + 0.5,
    )
