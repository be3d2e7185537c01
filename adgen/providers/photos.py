"""The door for people's pictures: read, checked, turned upright, stripped, and looked at."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import struct
import sys
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from adgen.domain import Value
from adgen.errors import BadModelOutput, InputRejected

BYTES_MAX = 25 * 1024 * 1024
PIXELS_MAX = 40_000_000
# A progressive JPEG is unpacked whole, two bytes an ink, before its first row can be read.
CMYK_PIXELS_MAX = 24_000_000
# WebP's decoder keeps four whole pictures in memory.
WEBP_PIXELS_MAX = 16_000_000
# A progressive JPEG has about ten; each of them costs a walk over the whole picture.
SCANS_MAX = 100
_SCAN = b"\xff\xda"
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

# One at a time: several large pictures at once would fill the memory of a web process.
_DECODING = threading.Lock()
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
# Rows that are worked on at a time.
_BAND = 256
# What brings a picture upright, by the EXIF tag Orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

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
    with _decoding():
        image = _open(data, shown)
        if min(image.size) < SIDE_MIN:
            raise _too_small(shown, image, f"{SIDE_MIN} pixels on each side")
        if min(_fitted(image.size)) < SIDE_MIN:
            raise InputRejected(f"{shown} is too narrow. Crop it to a more even shape.")
        image = _upright(image, shown, _on_white)
    return Photo(
        data=as_jpeg(image), width=image.width, height=image.height, focus=find_focus(image)
    )


def read_cutout(data: bytes, name: str, least: int) -> Image.Image:
    """An uploaded picture that keeps what is see-through: upright, sRGB, as RGBA.

    Its longer side has at least `least` pixels, else InputRejected with what would do.
    """
    shown = shown_name(name)
    with _decoding():
        image = _open(data, shown)
        if max(image.size) < least:
            raise _too_small(shown, image, f"{least} pixels on its longer side")
        return _upright(image, shown, _see_through).convert("RGBA")


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Wait for a turn; what it took of memory goes back to the system at its end.

    glibc would keep up to 150 MB of large pictures for itself.
    """
    with _DECODING:
        try:
            yield
        finally:
            # musl has no such call, and needs none.
            if trim := getattr(_libc, "malloc_trim", None):
                trim(0)


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
    # Nor does it begin like a hidden file, a way up, or an option.
    clean = re.sub(r"[^\w .()-]", "", base).lstrip(" .-")
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
    most = _most_pixels(image)
    if max(width, height) > SIDE_MAX or width * height > most:
        raise InputRejected(_too_large(shown, f" ({width:,} × {height:,} pixels)", most))
    if data.count(_SCAN) > SCANS_MAX:
        raise InputRejected(
            f"{shown} is packed in a way that takes too long to read. Export it again and retry."
        )
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise InputRejected(f"{shown} is an animation. Use a still picture.")
    return image


def _most_pixels(image: Image.Image) -> int:
    if image.format == "WEBP":
        return WEBP_PIXELS_MAX
    return CMYK_PIXELS_MAX if image.mode == "CMYK" else PIXELS_MAX


def _too_large(shown: str, size: str = "", most: int = PIXELS_MAX) -> str:
    return (
        f"{shown} has too many pixels{size}. "
        f"Use one up to {SIDE_MAX:,} pixels a side and {most // 1_000_000} megapixels."
    )


def _upright(
    image: Image.Image, shown: str, ready: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """The picture decoded, at most LONG_SIDE long, the right way up, in sRGB, without metadata."""
    try:
        profile, turn = image.info.get("icc_profile"), _turn(image)
        # A JPEG is decoded no larger than it is needed.
        image.draft(None, _fitted(image.size))
        image.load()
        # The profile of a grey picture of 16 bits does not fit what Pillow makes of it.
        small = _shrunk(image, ready)
        turned = small.transpose(turn) if turn is not None else small
        return _to_srgb(turned, None if _is_deep(image) else profile)
    except (*_DAMAGED, ImageCms.PyCMSError):
        raise InputRejected(
            f"{shown} is damaged and cannot be read to the end. Export it again and retry."
        ) from None


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What brings the picture upright, by its EXIF; broken EXIF is no reason to refuse pixels."""
    try:
        return _TURNS.get(image.getexif().get(0x0112, 1))
    except _DAMAGED:
        return None


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which a picture is kept."""
    scale = min(1.0, LONG_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(image: Image.Image, ready: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The picture at the size it is kept, each part of it made `ready` first.

    Band by band, so that a second picture of its full size is never in memory.
    """
    width, height = _fitted(image.size)
    wide: Image.Image | None = None
    for top in range(0, image.height, _BAND):
        bottom = min(top + _BAND, image.height)
        band = ready(image.crop((0, top, image.width, bottom)))
        wide = wide or Image.new(band.mode, (width, image.height))
        wide.paste(band.resize((width, bottom - top), Image.Resampling.LANCZOS), (0, top))
    assert wide is not None  # noqa: S101
    return wide.resize((width, height), Image.Resampling.LANCZOS)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _on_white(image: Image.Image) -> Image.Image:
    """In a mode that can be resized, and nothing see-through."""
    if _is_deep(image):
        # Pillow clips 16-bit grey instead of scaling it.
        deep = np.asarray(image, dtype=np.float64)
        return Image.fromarray((np.clip(deep, 0, 65535) / 257).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")


def _see_through(image: Image.Image) -> Image.Image:
    """In a mode that can be resized, with what is see-through kept so."""
    if image.has_transparency_data and not _is_deep(image):
        return image.convert("RGBA")
    return _on_white(image)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB, or RGBA when that is what comes; by the profile where it fits."""
    if image.mode == "RGBA":
        # The colours alone: laid on white, a soft edge would carry a white rim to every ground.
        cutout = _to_srgb(image.convert("RGB"), profile)
        cutout.putalpha(image.getchannel("A"))
        return cutout
    turned = None
    if profile:
        # A profile of another colour space than the pixels, or a broken one: do without.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            turned = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
    flat = turned or image.convert("RGB")
    flat.info = {}
    return flat


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
