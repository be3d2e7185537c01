"""Title cards: white words on black, set as large as fits, in whatever script they come.

Pillow shapes words but draws with one font in one direction. So the text is first read into
letters that know their font and direction; a line is then drawn in runs of like letters, in the
order they are seen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont, features

WEIGHT = 650
MARGIN = 0.08
MAX_LINES = 4
# Names of hundreds of letters: more lines rather than letters nobody can read.
MAX_LINES_IF_TINY = 9
TINY = 0.04
LEADING = 1.14
LEAST_EM = 8
# Drawn twice as large and halved: even spacing, no hinting.
OVERSAMPLE = 2

# Marks on one letter, and signs in one cluster, beyond any script's need: they would climb out
# of the frame or make a word that cannot be broken.
MAX_MARKS = 4
MAX_CLUSTER = 12
ZWNJ, ZWJ, EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"


class _Letter(NamedTuple):
    """What a reader takes for one sign; an odd level runs from right to left."""

    text: str
    font: Path
    level: int


class _Run(NamedTuple):
    text: str
    font: Path
    level: int


class _Box(NamedTuple):
    """What a line's ink stays within, seen from where it starts on the baseline."""

    left: int
    top: int
    right: int
    bottom: int


Line = tuple[_Letter, ...]


def draw_card(text: str, size: tuple[int, int], out: Path) -> Path:
    """A black PNG of `size` with the text in its middle; plain black when there is none."""
    width, height = size
    ink = Image.new("L", (width * OVERSAMPLE, height * OVERSAMPLE), 0)
    letters = _read(text)
    if any(_words(letters)):
        _set(ink, letters)
    ink.reduce(OVERSAMPLE).convert("RGB").save(out, "PNG")
    return out


def undrawable(text: str) -> str:
    """The characters that no font here has (Chinese, for one), each once."""
    lost = (c for c in _clusters(_clean(text)) if not c.isspace() and _find_font(c) is None)
    return "".join(dict.fromkeys(lost))


def can_shape() -> bool:
    """Whether Arabic and Indic scripts come out joined: Pillow needs the system's libfribidi."""
    return bool(features.check("raqm"))


# ---- layout


def _set(ink: Image.Image, letters: Line) -> None:
    width, height = ink.size
    short = min(width, height)
    room = (round(width * (1 - 2 * MARGIN)), round(height * (1 - 2 * MARGIN)))
    # Between the short side and the whole area: each shape of frame should look as loud.
    largest = round(0.05 * short + 0.04 * (width * height) ** 0.5)
    em, lines = _fit(letters, room, largest, MAX_LINES)
    if em < TINY * short:
        em, lines = _fit(letters, room, largest, MAX_LINES_IF_TINY)
    lines = _balance(letters, lines, em, room[0])
    boxes = [_measure(line, em) for line in lines]
    step = _leading(boxes, em)
    fall = step * (len(lines) - 1)
    # Centred from the top of the first line to the last baseline, as the eye takes it: tails
    # hang below, unless they would hang out.
    baseline = (height - boxes[0].top - fall) // 2
    baseline = min(baseline, (height + room[1]) // 2 - fall - boxes[-1].bottom)
    pen = ImageDraw.Draw(ink)
    for i, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        x = (width - box.left - box.right) // 2
        _draw(pen, line, em, (x, baseline + i * step))


def _fit(letters: Line, room: tuple[int, int], largest: int, most: int) -> tuple[int, list[Line]]:
    """The largest size at which the letters fit, and their lines."""
    small, large = LEAST_EM + 1, max(LEAST_EM, largest)
    best = LEAST_EM, _wrap(letters, LEAST_EM, room[0])[:most]
    while small <= large:
        em = (small + large) // 2
        lines = _wrap(letters, em, room[0])
        if len(lines) <= most and _fits(lines, em, room):
            best, small = (em, lines), em + 1
        else:
            large = em - 1
    return best


def _fits(lines: Sequence[Line], em: int, room: tuple[int, int]) -> bool:
    boxes = [_measure(line, em) for line in lines]
    tall = _leading(boxes, em) * (len(lines) - 1) - boxes[0].top + boxes[-1].bottom
    return tall <= room[1] and all(box.right - box.left <= room[0] for box in boxes)


def _leading(boxes: Sequence[_Box], em: int) -> int:
    """From baseline to baseline: alike for all lines, and none touches the next."""
    gaps = [above.bottom - below.top for above, below in pairwise(boxes)]
    return max([round(LEADING * em), *(gap + round(0.12 * em) for gap in gaps)])


def _wrap(letters: Line, em: int, room: int) -> list[Line]:
    """Break at spaces, and inside a word only when it is wider than a line."""
    lines: list[Line] = []
    line: Line = ()
    for space, word in _words(letters):
        longer = (*line, *space, *word) if line else word
        if _width(longer, em) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _break(word, em, room)
        lines += full
    return [*lines, line] if line else lines


def _words(letters: Line) -> Iterator[tuple[Line, Line]]:
    """Each word with the space before it."""
    space: Line = ()
    for blank, group in groupby(letters, key=lambda letter: letter.text.isspace()):
        if blank:
            space = tuple(group)
        else:
            yield space, tuple(group)


def _break(word: Line, em: int, room: int) -> list[Line]:
    parts: list[Line] = []
    while len(word) > 1 and _width(word, em) > room:
        small, large = 1, len(word) - 1
        while small < large:
            middle = (small + large + 1) // 2
            small, large = (
                (middle, large) if _width(word[:middle], em) <= room else (small, middle - 1)
            )
        parts.append(word[:small])
        word = word[small:]
    return [*parts, word]


def _balance(letters: Line, lines: list[Line], em: int, room: int) -> list[Line]:
    """The same number of lines, as even as they can be: no lonely last word."""
    small, large = max(_width(word, em) for _, word in _words(letters)), room
    if small > room:
        return lines
    while small < large:
        middle = (small + large) // 2
        if len(_wrap(letters, em, middle)) <= len(lines):
            large = middle
        else:
            small = middle + 1
    return _wrap(letters, em, large)


# ---- one line


def _place(line: Line, em: int) -> Iterator[tuple[float, str, ImageFont.FreeTypeFont, str | None]]:
    """Where each run starts, what to draw there and how; last, where the line ends."""
    x = 0.0
    for run in _in_sight(_runs(line)):
        font, backwards = _font(run.font, em), run.level % 2 == 1
        if can_shape():
            text, direction = run.text, "rtl" if backwards else "ltr"
        else:
            text, direction = run.text[::-1] if backwards else run.text, None
        yield x, text, font, direction
        x += font.getlength(text, direction=direction)
    yield x, "", _font(_fonts()[0], em), None


def _width(line: Line, em: int) -> int:
    *_, (end, *_) = _place(line, em)
    return round(end)


def _measure(line: Line, em: int) -> _Box:
    parts = [
        (round(x), font.getbbox(text, direction=direction, anchor="ls"))
        for x, text, font, direction in _place(line, em)
        if text
    ]
    return _Box(
        left=int(min(x + box[0] for x, box in parts)),
        top=int(min(box[1] for _, box in parts)),
        right=int(max(x + box[2] for x, box in parts)),
        bottom=int(max(box[3] for _, box in parts)),
    )


def _draw(pen: ImageDraw.ImageDraw, line: Line, em: int, at: tuple[int, int]) -> None:
    for x, text, font, direction in _place(line, em):
        if text:
            start = (at[0] + round(x), at[1])
            pen.text(start, text, fill=255, font=font, anchor="ls", direction=direction)


def _runs(line: Line) -> list[_Run]:
    return [
        _Run("".join(letter.text for letter in group), font, level)
        for (font, level), group in groupby(line, key=lambda letter: (letter.font, letter.level))
    ]


def _in_sight(runs: list[_Run]) -> list[_Run]:
    """From the order they are read to the order they stand in, left to right."""
    for level in range(max((run.level for run in runs), default=0), 0, -1):
        runs = _turn(runs, level)
    return runs


def _turn(runs: list[_Run], level: int) -> list[_Run]:
    turned: list[_Run] = []
    for inside, group in groupby(runs, key=lambda run: run.level >= level):
        part = list(group)
        turned += reversed(part) if inside else part
    return turned


# ---- reading the text


def _read(text: str) -> Line:
    """The letters that can be drawn, with font and direction."""
    clusters = _clusters(_clean(text))
    levels = _levels([cluster[0] for cluster in clusters])
    letters: list[_Letter] = []
    for cluster, level in zip(clusters, levels, strict=True):
        before = letters[-1].font if letters else None
        if font := _find_font(cluster, before):
            known = "".join(c for c in cluster if ord(c) in _known(font))
            letters.append(_Letter(known, font, level))
    return tuple(letters)


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


# ---- fonts


@lru_cache(maxsize=1)
def _fonts() -> tuple[Path, ...]:
    """All upright fonts: Noto Sans first, then one a script, then emoji and symbols."""
    folder = Path(str(files("manimgx_fonts")))
    last = ("NotoEmoji[wght]", "NotoSansSymbols[wght]")
    upright = sorted(p for p in folder.glob("*.ttf") if "Italic" not in p.name)
    return tuple(
        sorted(upright, key=lambda p: (p.stem in last, p.stem != "NotoSans[wght]", p.stem))
    )


@lru_cache(maxsize=32)
def _known(font: Path) -> frozenset[int]:
    """The characters a font has."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


@lru_cache(maxsize=128)
def _font(path: Path, em: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(path, em)
    font.set_variation_by_axes([WEIGHT])
    return font


def _find_font(cluster: str, before: Path | None = None) -> Path | None:
    """The font for a cluster: the one before it for spaces and signs, else the first that can."""
    emoji, symbols = _fonts()[-2:]
    order = list(_fonts())
    if EMOJI_STYLE in cluster:
        order.insert(0, emoji)
    elif before not in (None, emoji, symbols) and _goes_along(cluster[0]):
        order.insert(0, before)
    needed = {ord(c) for c in cluster if c not in (ZWJ, ZWNJ, EMOJI_STYLE)}
    whole = next((font for font in order if needed <= _known(font)), None)
    return whole or next((font for font in order if ord(cluster[0]) in _known(font)), None)


def _goes_along(char: str) -> bool:
    return unicodedata.bidirectional(char) not in ("L", "R", "AL")
