"""Stills for a page of what the film will show: its cards and its lower third.

Drawn by what draws them for the film, in half the size, and kept by what they are made of.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st
from PIL import Image

from adgen.domain import Aspect, Brand
from adgen.errors import NotFound
from adgen.providers import cards, photos
from adgen.providers.storage import storage

_kept = st.cache_data(
    max_entries=200, show_spinner=False, hash_funcs={Brand: lambda brand: brand.model_dump_json()}
)


def logo_of(brand: Brand) -> bytes:
    """The brand's logo as a PNG, or nothing."""
    try:
        return storage().path(brand.logo_key).read_bytes() if brand.logo_key else b""
    except NotFound:
        return b""


@_kept
def card(text: str, aspect: Aspect, brand: Brand, logo: bytes) -> str:
    """A card, as an address that holds the picture."""
    with _look(brand, logo) as (look, folder):
        return _address(cards.draw_card(text, _half(aspect), folder / "card.png", look))


@_kept
def band(text: str, aspect: Aspect, brand: Brand, logo: bytes) -> dict[str, Any] | None:
    """A lower third and where it lies, in percent of the frame; None for no words."""
    wide, high = _half(aspect)
    with _look(brand, logo) as (look, folder):
        drawn = cards.draw_lower_third(text, (wide, high), folder / "band.png", look)
        if drawn is None:
            return None
        with Image.open(drawn.path, formats=["PNG"]) as picture:
            across = picture.width
        return {
            "url": _address(drawn.path),
            "left": 100 * drawn.left / wide,
            "top": 100 * drawn.top / high,
            "width": 100 * across / wide,
        }


@_kept
def over_sample(text: str, brand: Brand, logo: bytes) -> str:
    """A lower third over a picture of the sample product."""
    size = _half(Aspect.WIDE)
    with _look(brand, logo) as (look, folder):
        with Image.open(io.BytesIO(photos.sample_photos()[0][1]), formats=["JPEG"]) as photo:
            window = photos.crop_window(photo.size, size[0] / size[1], (0.5, 0.6), 1.0)
            still = photo.convert("RGB").resize(size, Image.Resampling.LANCZOS, window)
        if drawn := cards.draw_lower_third(text, size, folder / "band.png", look):
            with Image.open(drawn.path, formats=["PNG"]) as strip:
                still.paste(strip, (drawn.left, drawn.top), strip)
        still.save(folder / "still.jpg", quality=88)
        return _address(folder / "still.jpg")


@_kept
def remarks(brand: Brand, logo: bytes) -> str:
    """What is hard to see in the brand's look, or nothing."""
    with _look(brand, logo) as (look, _):
        return cards.readable(look)[1]


def _half(aspect: Aspect) -> tuple[int, int]:
    wide, high = aspect.size
    return wide // 2, high // 2


@contextmanager
def _look(brand: Brand, logo: bytes) -> Iterator[tuple[cards.Look, Path]]:
    """The look of a brand, and a folder to draw into."""
    with TemporaryDirectory(prefix="adgen-still-") as name:
        folder = Path(name)
        path = folder / "logo.png" if logo else None
        if path:
            path.write_bytes(logo)
        look = cards.Look(background=brand.background, ink=brand.ink, font=brand.font, logo=path)
        yield look, folder


def _address(path: Path) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{b64encode(path.read_bytes()).decode()}"
