"""Cards, lower thirds and logos: a team's look, drawn as pictures for the film."""

from __future__ import annotations

import io
from math import sqrt
from pathlib import Path

from PIL import Image, ImageDraw

from adgen.domain import Colour, Font, Value
from adgen.errors import InputRejected
from adgen.providers import photos
from adgen.providers.letters import read, undrawable
from adgen.providers.typeset import Align, Setting, Tier, can_shape, set_type

__all__ = [
    "Band",
    "Look",
    "can_shape",
    "contrast",
    "draw_card",
    "draw_lower_third",
    "read_logo",
    "readable",
    "safe_area",
    "undrawable",
]

Size = tuple[int, int]

# Shares of the short side. Names of hundreds of letters get more lines rather than letters
# nobody can read.
CARD_TIERS = ((4, 0.04), (9, 0.0))
BAND_TIERS = ((2, 0.036), (3, 0.026), (6, 0.0))
# A band across the whole of a wide frame reads as a ticker: two short lines look better.
BAND_SHARE = 0.62
BAND_OPACITY = (0.85, 0.92, 1.0)
# Corners are drawn so much larger and shrunk.
SMOOTH = 4
# Half the time of the usual effort for a few kilobytes more.
PNG_EFFORT = 3

# WCAG 2.2, 1.4.3: what reads well, and the least for large type.
READS_WELL, READS = 4.5, 3.0
LOGO_SIDE = 1200
LOGO_MIN = 96
LOGO_NARROW = 16
# A logo this alike its ground is not seen, unless more than so small a part of it is.
LOGO_SHOWS, LOGO_PART = 1.6, 0.15


class Look(Value):
    """Colours, typeface and logo of a team's cards; the logo is a file of `read_logo`'s."""

    background: Colour = "#000000"
    ink: Colour = "#FFFFFF"
    font: Font = Font.NOTO_SANS
    logo: Path | None = None


class Band(Value):
    """A see-through PNG just large enough for its words, and where it goes in the frame."""

    path: Path
    left: int
    top: int


PLAIN = Look()


def draw_card(text: str, size: Size, out: Path, look: Look = PLAIN) -> Path:
    """An RGB PNG of `size`: the logo, if any, above the words in the middle of the colour."""
    _card(text, size, look).save(out, "PNG", compress_level=PNG_EFFORT)
    return out


def _card(text: str, size: Size, look: Look) -> Image.Image:
    look, _ = readable(look)
    letters = read(text, look.font)
    logo = _sized_logo(look, size, bool(letters))
    gap = round(0.07 * min(size))
    left, top, right, bottom = room = _middle(size)
    taken = logo.height + gap if logo else 0
    words = set_type(
        letters, (right - left, bottom - top - taken), _loudness(size), _tiers(CARD_TIERS, size)
    )
    card = Image.new("RGB", size, look.background)
    y = _stand(taken if words else max(0, taken - gap), words, size, room)
    if logo:
        card.paste(logo, ((size[0] - logo.width) // 2, y), logo)
    if words:
        x, y = (size[0] - words.ink.width) // 2, y + taken
        card.paste(look.ink, (x, y, x + words.ink.width, y + words.ink.height), words.ink)
    return card


def draw_lower_third(text: str, size: Size, out: Path, look: Look = PLAIN) -> Band | None:
    """Words on a panel in the look's colours, to lie over the film; None for no words.

    It stands in the lower corner of the safe area that reading starts from.
    """
    look, _ = readable(look)
    left, top, right, bottom = safe_area(size)
    largest = 0.5 * _loudness(size)
    # Padding goes with the largest type there can be, so that the room for it is known before.
    room = (right - left - round(2 * largest), (bottom - top) // 2)
    tiers = _tiers(BAND_TIERS, size)
    if size[0] > size[1]:
        tiers = (Tier(2, round(largest), BAND_SHARE), *tiers)
    words = set_type(read(text, look.font), room, largest, tiers, Align.START)
    if words is None:
        return None
    panel = _panel(words, look, 0.36 * largest)
    # Even, because chroma is halved in the film and would bleed at odd edges.
    x = (right - panel.width if words.rtl else left + 1) // 2 * 2
    y = (bottom - panel.height) // 2 * 2
    panel.save(out, "PNG", compress_level=PNG_EFFORT)
    return Band(path=out, left=x, top=y)


def safe_area(size: Size) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) in which words are seen on every platform.

    Tall frames: Meta's ads guide for Reels keeps 14 % at the top, 35 % at the bottom and 6 % at
    the sides free of text; the buttons of TikTok and Shorts take up to 12 % at the right. Others:
    SMPTE ST 2046-1 asks for 5 % a side, and 8 % also clears rounded players.
    """
    width, height = size
    tall = height >= 1.6 * width
    shares = (0.06, 0.14, 0.12, 0.35) if tall else (0.08, 0.08, 0.08, 0.08)
    left, top, right, bottom = shares
    return (
        round(width * left),
        round(height * top),
        width - round(width * right),
        height - round(height * bottom),
    )


# ---- colours


def contrast(ink: str, background: str) -> float:
    """How far two colours are apart in light, from 1 to 21 (WCAG 2)."""
    dark, light = sorted((_luminance(ink), _luminance(background)))
    return (light + 0.05) / (dark + 0.05)


def readable(look: Look) -> tuple[Look, str]:
    """The look that is drawn, and plain words on what is hard to see in it, or ""."""
    ratio = contrast(look.ink, look.background)
    warnings: list[str] = []
    if ratio < READS:
        name, ink = max(
            (("black", "#000000"), ("white", "#FFFFFF")),
            key=lambda pair: contrast(pair[1], look.background),
        )
        look = look.model_copy(update={"ink": ink})
        warnings.append(
            f"The text and background colours are too alike to read ({_told(ratio)}), "
            f"so the words are set in {name}."
        )
    elif ratio < READS_WELL:
        warnings.append(
            f"The text is faint on this background ({_told(ratio)}). "
            f"From {READS_WELL}:1 it reads well everywhere."
        )
    if look.logo and not _logo_shows(look.logo, look.background):
        warnings.append("The logo hardly shows on this background. Use one in another colour.")
    return look, " ".join(warnings)


def _told(ratio: float) -> str:
    # Down, never up: 4.49 is not 4.5.
    return f"{int(ratio * 10) / 10}:1"


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(value) for value in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: int) -> float:
    share = value / 255
    if share <= 0.04045:
        return share / 12.92
    bent: float = ((share + 0.055) / 1.055) ** 2.4
    return bent


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _hex(red: float, green: float, blue: float) -> str:
    return f"#{round(red):02x}{round(green):02x}{round(blue):02x}"


def _opacity(look: Look) -> float:
    """As see-through as still reads well over the worst of pictures."""
    return next((share for share in BAND_OPACITY if _reads_over(look, share)), 1.0)


def _reads_over(look: Look, share: float) -> bool:
    seen = (
        _hex(*(share * value + (1 - share) * behind for value in _rgb(look.background)))
        for behind in (0, 255)
    )
    return all(contrast(look.ink, background) >= READS_WELL for background in seen)


# ---- places


def _loudness(size: Size) -> float:
    """The largest type for a card."""
    # Between the short side and the whole area: each shape of frame should look as loud.
    return 0.05 * min(size) + 0.04 * sqrt(size[0] * size[1])


def _tiers(shares: tuple[tuple[int, float], ...], size: Size) -> tuple[Tier, ...]:
    return tuple(Tier(lines, share * min(size)) for lines, share in shares)


def _middle(size: Size) -> tuple[int, int, int, int]:
    """The safe area, as much at the left as at the right: a card is centred in the frame."""
    left, top, right, bottom = safe_area(size)
    side = max(left, size[0] - right)
    return side, top, size[0] - side, bottom


def _stand(taken: int, words: Setting | None, size: Size, room: tuple[int, int, int, int]) -> int:
    """Where logo and words begin: in the middle of the frame, if that is inside the room."""
    # To the last baseline, as the eye takes it: tails hang below.
    seen = taken + (words.baseline if words else 0)
    whole = taken + (words.ink.height if words else 0)
    return max(room[1], min((size[1] - seen) // 2, room[3] - whole))


def _panel(words: Setting, look: Look, least: float) -> Image.Image:
    beside = round(max(0.72 * words.em, least))
    above = round(max(0.58 * words.em, 0.8 * least))
    tail = words.ink.height - words.baseline
    below = max(above, tail + round(max(0.3 * words.em, 0.5 * least)))
    width = (words.ink.width + 2 * beside + 1) // 2 * 2
    height = (above + words.baseline + below + 1) // 2 * 2
    ground = Image.new("RGBA", (width, height), look.background)
    ground.putalpha(_rounded((width, height), 0.36 * words.em, _opacity(look)))
    ink = Image.new("RGBA", (width, height), look.ink)
    mask = Image.new("L", (width, height), 0)
    mask.paste(words.ink, (width - beside - words.ink.width if words.rtl else beside, above))
    ink.putalpha(mask)
    return Image.alpha_composite(ground, ink)


def _rounded(size: Size, radius: float, opacity: float) -> Image.Image:
    large = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH), 0)
    corners = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(corners, radius * SMOOTH, round(255 * opacity))
    return large.reduce(SMOOTH)


# ---- logos


def read_logo(data: bytes, name: str) -> bytes:
    """An uploaded logo as a PNG of ours, cut to what is seen; else InputRejected with why."""
    logo = photos.read_cutout(data, name, LOGO_MIN)
    shown = photos.shown_name(name)
    box = logo.getchannel("A").point(_is_seen).getbbox()
    if box is None:
        raise InputRejected(f"{shown} is see-through all over. Use a logo with something in it.")
    logo = logo.crop(box)
    logo.thumbnail((LOGO_SIDE, LOGO_SIDE), Image.Resampling.LANCZOS)
    if max(logo.size) < LOGO_MIN or min(logo.size) < LOGO_NARROW:
        raise InputRejected(
            f"The visible part of {shown} is too small or too narrow "
            f"({logo.width} × {logo.height} pixels). Use one of at least {LOGO_MIN} pixels."
        )
    # Laid on nothing, so that no colour is left where none is seen.
    clean = Image.alpha_composite(Image.new("RGBA", logo.size, (0, 0, 0, 0)), logo)
    out = io.BytesIO()
    clean.save(out, "PNG")
    return out.getvalue()


def _is_seen(alpha: int) -> int:
    return 255 if alpha > 8 else 0


def _open_logo(path: Path) -> Image.Image:
    with Image.open(path, formats=["PNG"]) as logo:
        whole: Image.Image = logo.convert("RGBA")
    return whole


def _sized_logo(look: Look, size: Size, beside_words: bool) -> Image.Image | None:
    if look.logo is None:
        return None
    logo = _open_logo(look.logo)
    short = min(size)
    # Logos of every shape get the same area, so that a wordmark is no louder than a badge.
    area = ((0.2 if beside_words else 0.34) * short) ** 2
    left, top, right, bottom = _middle(size)
    most = (0.62 * (right - left), (0.24 if beside_words else 0.6) * (bottom - top))
    scale = min(
        sqrt(area / (logo.width * logo.height)),
        most[0] / logo.width,
        most[1] / logo.height,
        # Never larger than it is in a full frame, nor other in a draft of fewer pixels.
        short / 1080,
    )
    fitted = (max(1, round(logo.width * scale)), max(1, round(logo.height * scale)))
    return logo.resize(fitted, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _logo_shows(path: Path, background: str) -> bool:
    logo = _open_logo(path)
    logo.thumbnail((40, 40))
    data = logo.tobytes()
    seen = [data[i : i + 3].hex() for i in range(0, len(data), 4) if data[i + 3] > 127]
    apart = [colour for colour in seen if contrast(colour, background) > LOGO_SHOWS]
    return len(apart) >= LOGO_PART * len(seen)
