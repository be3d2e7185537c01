"""Text read into letters that know their typeface and direction, in whatever script it comes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTFont

from adgen.domain import Font

WEIGHT = 650
# Marks on one letter, and signs in one cluster, beyond any script's need: they would climb out
# of the frame or make a word that cannot be broken.
MAX_MARKS = 4
MAX_CLUSTER = 12
ZWNJ, ZWJ, EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"
JOINERS = ZWNJ + ZWJ + EMOJI_STYLE
# Where each package keeps its upright letters; Lato has a file a weight, the others an axis.
FILES = {
    Font.NOTO_SANS: ("manimgx_fonts", "NotoSans[wght].ttf"),
    Font.MANROPE: ("fontpkg_manrope", "files/Manrope[wght].ttf"),
    Font.LATO: ("fontpkg_lato", "files/Lato-Bold.ttf"),
    Font.PLAYFAIR: ("fontpkg_playfair_display", "files/PlayfairDisplay[wght].ttf"),
    Font.OSWALD: ("fontpkg_oswald", "files/Oswald[wght].ttf"),
}
EMOJI, SYMBOLS = "NotoEmoji[wght].ttf", "NotoSansSymbols[wght].ttf"
# One file draws Chinese, Japanese and Korean; its faces differ in how shared signs are written.
CJK_FILE = "NotoSansCJK-VF.otf.ttc"
JAPANESE, KOREAN, CHINESE = 0, 1, 2


class Face(NamedTuple):
    """A typeface in a file; `number` counts the faces of one file, no weight means fixed."""

    path: str
    number: int = 0
    weight: int | None = WEIGHT


class Letter(NamedTuple):
    """What a reader takes for one sign; an odd level runs from right to left."""

    text: str
    face: Face
    level: int


Line = tuple[Letter, ...]


@lru_cache(maxsize=64)
def read(text: str, font: Font = Font.NOTO_SANS) -> Line:
    """The letters that can be drawn, with typeface and direction."""
    clusters = _clusters(_clean(text))
    levels = _levels([cluster[0] for cluster in clusters])
    cjk = _cjk(text)
    letters: list[Letter] = []
    for cluster, level in zip(clusters, levels, strict=True):
        before = letters[-1].face if letters else None
        if face := _find_face(cluster, font, cjk, before):
            known = "".join(c for c in cluster if ord(c) in _known(face))
            if known.strip(JOINERS):
                letters.append(Letter(known, face, level))
    return tuple(letters)


def undrawable(text: str) -> str:
    """The characters that no typeface here has (runes, for one), each once."""
    clusters = (c for c in _clusters(_clean(text)) if not c.isspace())
    lost = (c for c in clusters if _find_face(c, Font.NOTO_SANS, CHINESE) is None)
    return "".join(dict.fromkeys(lost))


def is_rtl(letters: Line) -> bool:
    """Whether the text as a whole runs from right to left, as its first letter says."""
    strong = (unicodedata.bidirectional(letter.text[0]) for letter in letters)
    return next((kind for kind in strong if kind in ("L", "R", "AL")), "L") != "L"


def is_japanese(letters: Line) -> bool:
    """Whether any of the letters is kana."""
    return any(is_kana(letter.text[0]) for letter in letters)


def is_kana(char: str) -> bool:
    """Hiragana or katakana, full or half width; the middle dot is in Chinese names too."""
    wide = "\u3041" <= char <= "\u30ff" and char != "\u30fb"
    return wide or "\u31f0" <= char <= "\u31ff" or "\uff66" <= char <= "\uff9f"


def _is_hangul(char: str) -> bool:
    jamo = "\u1100" <= char <= "\u11ff" or "\u3131" <= char <= "\u318e"
    return jamo or "\uac00" <= char <= "\ud7a3"


def _cjk(text: str) -> int:
    if any(map(is_kana, text)):
        return JAPANESE
    return KOREAN if any(map(_is_hangul, text)) else CHINESE


# ---- clusters


def _clean(text: str) -> str:
    """One line of plain signs: no control characters, nothing that turns the text around."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(
        c for c in text if c in (ZWJ, ZWNJ) or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )


def _clusters(text: str) -> list[str]:
    """What must not be torn apart: a letter and its marks, an emoji and what is joined to it."""
    clusters: list[str] = []
    for char in text:
        if not clusters or not _joins(clusters[-1], char):
            clusters.append(char)
        elif not (_is_mark(char) and sum(map(_is_mark, clusters[-1])) >= MAX_MARKS):
            clusters[-1] += char
    return clusters


def _joins(cluster: str, char: str) -> bool:
    if cluster.isspace() or len(cluster) >= MAX_CLUSTER:
        return _is_mark(char) and not cluster.isspace()
    if _is_flag(char):
        return len(cluster) == 1 and _is_flag(cluster)
    # An emoji after a joiner, a letter after the sign that takes an Indic letter's vowel away.
    tied = cluster[-1] == ZWJ and unicodedata.category(char) == "So"
    stacked = unicodedata.combining(cluster[-1]) == 9 and unicodedata.category(char) == "Lo"
    return _is_mark(char) or char in (ZWJ, ZWNJ) or _is_skin(char) or tied or stacked


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_skin(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff"


# ---- directions


def _levels(chars: Sequence[str]) -> list[int]:
    """Which way each sign runs: Unicode's bidirectional algorithm, less what we cleaned away."""
    kinds = _kinds(chars)
    strong = next((kind for kind in kinds if kind in "LR"), "L")
    before = strong
    for i, kind in enumerate(kinds):
        if kind in "LR":
            before = kind
        elif kind == "N" and before == "L":
            kinds[i] = "L"
    levels: list[int] = []
    sides = [strong, *("L" if kind == "L" else "R" for kind in kinds if kind != "?"), strong]
    passed = 0
    for kind in kinds:
        if kind == "?":
            left, right = sides[passed], sides[passed + 1]
            kind = left if left == right else strong
        else:
            passed += 1
        levels.append({"LL": 0, "LR": 1, "LN": 2, "RL": 2, "RR": 1, "RN": 2}[strong + kind])
    return levels


def _kinds(chars: Sequence[str]) -> list[str]:
    """L and R are letters, N is part of a number, ? goes with its neighbours."""
    classes = [unicodedata.bidirectional(c) for c in chars]
    kinds = [
        {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}.get(name, "?") for name in classes
    ]
    for i, name in enumerate(classes):
        sides = kinds[max(0, i - 1) : i] + kinds[i + 1 : i + 2]
        if (name == "ET" and "N" in sides) or (name in ("CS", "ES") and sides == ["N", "N"]):
            kinds[i] = "N"
    return kinds


# ---- typefaces


@lru_cache(maxsize=32)
def _faces(font: Font, cjk: int) -> tuple[Face, ...]:
    """All typefaces, the chosen first, then Noto Sans, one a script, emoji and symbols, CJK."""
    plain = FILES[Font.NOTO_SANS][1]
    names = (p.name for p in Path(str(files("manimgx_fonts"))).glob("*.ttf"))
    scripts = sorted(
        (name for name in names if "Italic" not in name and name != plain),
        key=lambda name: (name in (EMOJI, SYMBOLS), name),
    )
    return (
        *dict.fromkeys((_face(font), _face(Font.NOTO_SANS))),
        *(Face(_path("manimgx_fonts", name)) for name in scripts),
        # Last, because it is large and has signs of all kinds, which the others draw better.
        Face(_path("manimgx_fonts_cjk", CJK_FILE), cjk),
    )


def _face(font: Font) -> Face:
    package, name = FILES[font]
    return Face(_path(package, name), weight=WEIGHT if "wght" in name else None)


def _path(package: str, name: str) -> str:
    return str(files(package) / name)


@lru_cache(maxsize=64)
def _known(face: Face) -> frozenset[int]:
    """The characters a typeface has; what is for private use means nothing here."""
    with TTFont(face.path, lazy=True, fontNumber=face.number) as opened:
        # Numbers do for glyphs: their names take half a second to make up for CJK.
        opened.setGlyphOrder(range(0x10000))
        return frozenset(c for c in opened.getBestCmap() if not 0xE000 <= c <= 0xF8FF)


@lru_cache(maxsize=4096)
def _find_face(cluster: str, font: Font, cjk: int, before: Face | None = None) -> Face | None:
    """The one before it for spaces and signs, else the first that can draw the cluster."""
    order = _faces(font, cjk)
    signs = [face for face in order if face.path.endswith((EMOJI, SYMBOLS))]
    if EMOJI_STYLE in cluster:
        order = (signs[0], *order)
    elif before and before not in signs and _goes_along(cluster[0]):
        order = (before, *order)
    needed = {ord(c) for c in cluster if c not in JOINERS}
    whole = next((face for face in order if needed <= _known(face)), None)
    return whole or next((face for face in order if ord(cluster[0]) in _known(face)), None)


def _goes_along(char: str) -> bool:
    return unicodedata.bidirectional(char) not in ("L", "R", "AL", "EN")
