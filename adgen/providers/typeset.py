"""Type set as large as fits a room: lines broken where each script allows, drawn in sight order.

Pillow shapes words but draws with one typeface in one direction. So a line is drawn in runs of
like letters, in the order they are seen. Sizes are sought in widths measured once for all sizes,
and only the size found is measured itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import groupby, pairwise
from math import ceil
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont, features

from adgen.providers.letters import Face, Letter, Line, is_japanese, is_kana, is_rtl

# Ideographs fill their square and need more air than words of letters.
LEADING, CJK_LEADING = 1.14, 1.28
LEAST_EM = 8
# Drawn twice as large and halved: even spacing, no hinting.
OVERSAMPLE = 2
# Ems of canvas beyond what was measured, on all sides, should a mark reach out.
SPARE = 2
# Widths are taken at this size and scaled.
REFERENCE = 256
# What may not begin a line of Chinese or Japanese, and what may not end one.
CLOSERS = "、。，．・：；！？）］｝〕〉》」』】〙〗〟’”…‥〜～!),.:;?]}%％"
NO_START = CLOSERS + "ー々ゝゞぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
NO_END = "（［｛〔〈《「『【〘〖〝‘“￥＄([{$"
# A line should not begin with these, so they stay with the word before.
DASHES = frozenset("-–—‒―|·•/&+")
# Type gets so much smaller before a word is broken, or a Chinese phrase parted.
WHOLE_WORD, WHOLE_PHRASE = 0.45, 0.75
# Said with respect, these go with the noun that follows.
HONORIFIC = "おご"


class Align(StrEnum):
    """Which edge the lines share; `START` is the edge that reading starts from."""

    CENTRE = "centre"
    START = "start"


class Tier(NamedTuple):
    """So many lines in a share of the width, unless letters come out smaller than `least`."""

    lines: int
    least: float = 0
    share: float = 1


class Setting(NamedTuple):
    """Type that has been set: its ink, cut to the ink's box, and how far its last baseline is."""

    ink: Image.Image
    baseline: int
    em: float
    rtl: bool


class _Word(NamedTuple):
    """A word, the space before it, the width of both and of each letter alone, in ems."""

    space: Line
    letters: Line
    gap: float
    width: float
    steps: tuple[float, ...]


class _Run(NamedTuple):
    text: str
    face: Face
    level: int


class _Box(NamedTuple):
    """What a line's ink stays within, seen from where it starts on the baseline."""

    left: float
    top: float
    right: float
    bottom: float


class _Part(NamedTuple):
    """Where a run starts, what to draw there and how."""

    x: float
    text: str
    font: ImageFont.FreeTypeFont
    direction: str | None


class _Plan(NamedTuple):
    """Words, the room and number of lines they get, and the size that should fit."""

    words: list[_Word]
    room: tuple[int, int]
    most: int
    em: int


class _Block(NamedTuple):
    em: int
    lines: list[Line]
    parts: list[list[_Part]]
    boxes: list[_Box]
    step: int


def set_type(
    letters: Line,
    room: tuple[int, int],
    largest: float,
    tiers: Sequence[Tier],
    align: Align = Align.CENTRE,
) -> Setting | None:
    """Set the letters as large as the room allows; None when they leave no ink (fillers)."""
    words = _words(letters)
    if not words:
        return None
    cjk = any(_is_cjk(letter.text[0]) for letter in letters)
    phrases = _words(letters, by_phrase=True) if cjk else words
    # Short of the room by a pixel, for each run starts at a whole one.
    space = ((room[0] - 1) * OVERSAMPLE, (room[1] - 1) * OVERSAMPLE)
    plan = _choose(words, space, round(largest * OVERSAMPLE), tiers)
    if len(phrases) < len(words):
        # A Japanese phrase too long for a line is better parted by word.
        least = WHOLE_WORD if is_japanese(letters) else 1
        whole = _choose(phrases, space, round(largest * OVERSAMPLE), tiers, least)
        plan = whole if whole.em >= WHOLE_PHRASE * plan.em else plan
    return _drawn(_fit(plan), align, is_rtl(letters))


def can_shape() -> bool:
    """Whether Arabic and Indic scripts come out joined: Pillow needs the system's libfribidi."""
    return bool(features.check("raqm"))


def _drawn(block: _Block, align: Align, rtl: bool) -> Setting | None:
    spare = SPARE * block.em
    fall = block.step * (len(block.lines) - 1)
    wide = round(max(box.right - box.left for box in block.boxes))
    high = round(fall - block.boxes[0].top + block.boxes[-1].bottom)
    canvas = Image.new("L", (wide + 2 * spare, high + 2 * spare), 0)
    pen = ImageDraw.Draw(canvas)
    baseline = round(spare - block.boxes[0].top)
    share = {Align.CENTRE: 0.5, Align.START: 1.0 if rtl else 0.0}[align]
    for i, (line, box) in enumerate(zip(block.parts, block.boxes, strict=True)):
        x = spare - box.left + share * (wide - (box.right - box.left))
        for part in line:
            start = (round(x + part.x), baseline + i * block.step)
            pen.text(start, part.text, 255, part.font, "ls", direction=part.direction)
    small = canvas.reduce(OVERSAMPLE)
    seen = small.getbbox()
    if seen is None:
        return None
    last = (baseline + fall) // OVERSAMPLE - seen[1]
    return Setting(small.crop(seen), last, block.em / OVERSAMPLE, rtl)


# ---- the size


def _choose(
    words: list[_Word],
    room: tuple[int, int],
    largest: int,
    tiers: Sequence[Tier],
    whole: float = WHOLE_WORD,
) -> _Plan:
    """The first tier whose letters are large enough, else the last."""
    for tier in tiers:
        narrow = (round(room[0] * tier.share), room[1])
        plan = _Plan(words, narrow, tier.lines, _seek(words, narrow, largest, tier.lines, whole))
        if plan.em >= tier.least * OVERSAMPLE:
            break
    return plan


def _seek(words: list[_Word], room: tuple[int, int], largest: int, most: int, whole: float) -> int:
    """The largest size at which the words fit, nearly.

    Down to a share of `whole` the widest word decides, so that none is broken.
    """
    small, large = LEAST_EM, max(LEAST_EM, largest)
    unbroken = int(room[0] / max(0.01, *(word.width for word in words)))
    if unbroken >= whole * large:
        large = min(large, unbroken)
    while small < large:
        em = (small + large + 1) // 2
        lines = _wrap(words, room[0] / em)
        if len(lines) <= most and _tall(lines) * em <= room[1]:
            small = em
        else:
            large = em - 1
    return small


def _fit(plan: _Plan) -> _Block:
    """The plan at a size that fits to the pixel, with lines as even as they can be."""
    words, room = plan.words, plan.room
    for em in range(plan.em, LEAST_EM, -1):
        block = _block(_balance(words, _wrap(words, room[0] / em), room[0] / em), em)
        if len(block.lines) <= plan.most and _fits(block, room):
            return block
    return _least(words, room)


def _least(words: list[_Word], room: tuple[int, int]) -> _Block:
    """At the least size the lines that there is room for, be they never so many."""
    lines = _wrap(words, room[0] / LEAST_EM)
    while len(lines) > 1 and not _fits(_block(lines, LEAST_EM), room):
        lines = lines[:-1]
    return _block(lines, LEAST_EM)


def _block(lines: list[Line], em: int) -> _Block:
    parts = [list(_parts(line, em)) for line in lines]
    boxes = [_measure(line) for line in parts]
    return _Block(em, lines, parts, boxes, round(em * _leading(lines, boxes, em)))


def _fits(block: _Block, room: tuple[int, int]) -> bool:
    tall = block.step * (len(block.lines) - 1) - block.boxes[0].top + block.boxes[-1].bottom
    return tall <= room[1] and all(box.right - box.left <= room[0] for box in block.boxes)


def _tall(lines: Sequence[Line]) -> float:
    """The height of the lines in ems, nearly: marks may stand otherwise among their like."""
    boxes = [_rough_box(line) for line in lines]
    return _leading(lines, boxes, 1) * (len(lines) - 1) - boxes[0].top + boxes[-1].bottom


def _leading(lines: Sequence[Line], boxes: Sequence[_Box], em: float) -> float:
    """From baseline to baseline, in ems: alike for all lines, and none touches the next."""
    gaps = [(above.bottom - below.top) / em + 0.12 for above, below in pairwise(boxes)]
    cjk = any(_is_cjk(letter.text[0]) for line in lines for letter in line)
    return max(CJK_LEADING if cjk else LEADING, *gaps, 0)


# ---- lines


def _words(letters: Line, by_phrase: bool = False) -> list[_Word]:
    """What must stay on one line if it can, each with the space before it.

    `by_phrase` parts Chinese and Japanese after their commas only.
    """
    words: list[_Word] = []
    space: Line = ()
    japanese = is_japanese(letters)
    for blank, group in groupby(letters, key=_is_blank):
        part = tuple(group)
        if blank:
            space = part
        elif words and all(letter.text in DASHES for letter in part):
            words[-1] = _word(words[-1].space, (*words[-1].letters, *space, *part))
        else:
            for piece in _pieces(part, japanese, by_phrase):
                words.append(_word(space, piece))
                space = ()
    return words


def _word(space: Line, letters: Line) -> _Word:
    steps = (_sign(one.text, one.face, one.level % 2 == 1)[0] for one in letters)
    return _Word(space, letters, _width(space), _width(letters), tuple(steps))


def _is_blank(letter: Letter) -> bool:
    return letter.text.isspace()


def _pieces(word: Line, japanese: bool, by_phrase: bool) -> Iterator[Line]:
    """The word, parted where Chinese and Japanese, which have no spaces, may be parted."""
    start = 0
    for i, (left, right) in enumerate(pairwise(word), start=1):
        if _may_part(left.text[0], right.text[0], japanese, by_phrase):
            yield word[start:i]
            start = i
    yield word[start:]


def _may_part(left: str, right: str, japanese: bool, by_phrase: bool) -> bool:
    if not (_is_cjk(left) or _is_cjk(right)) or right in NO_START or left in NO_END:
        return False
    if by_phrase or left in CLOSERS or right in NO_END:
        return left in CLOSERS or right in NO_END
    # A Japanese phrase mostly ends in hiragana: so words keep their endings without a dictionary.
    ending = _is_hira(left) and not _is_hira(right) and left not in HONORIFIC
    return ending or not japanese


def _is_hira(char: str) -> bool:
    return "\u3041" <= char <= "\u309f"


def _is_cjk(char: str) -> bool:
    """Ideographs, kana and their signs; Korean has spaces and is not meant."""
    han = "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or char >= "\U00020000"
    return han or is_kana(char) or "\u3000" <= char <= "\u303f" or "\uff01" <= char <= "\uff65"


def _wrap(words: list[_Word], room: float) -> list[Line]:
    """Break before a word that is too much, and inside one only when it is wider than a line."""
    lines: list[Line] = []
    line: Line = ()
    used = 0.0
    for word in words:
        if line and used + word.gap + word.width <= room:
            line = (*line, *word.space, *word.letters)
            used += word.gap + word.width
            continue
        if line:
            lines.append(line)
        *full, line = _break(word, room)
        lines += full
        used = _width(line) if full else word.width
    return [*lines, line] if line else lines


def _break(word: _Word, room: float) -> list[Line]:
    """As few parts as fit, nearly alike: no lonely last letter."""
    if word.width <= room:
        return [word.letters]
    # Letter by letter: a joined script comes out narrower than this, never wider.
    whole = sum(word.steps)
    room = min(room, whole / ceil(whole / room) + max(word.steps))
    parts: list[Line] = []
    start, used = 0, 0.0
    for i, (letter, step) in enumerate(zip(word.letters, word.steps, strict=True)):
        if i > start and used + step > room:
            # Not before a comma: the sign it belongs to comes along.
            cut = i - 1 if letter.text in NO_START and i - 1 > start else i
            parts.append(word.letters[start:cut])
            start, used = cut, sum(word.steps[cut:i])
        used += step
    return [*parts, word.letters[start:]]


def _balance(words: list[_Word], lines: list[Line], room: float) -> list[Line]:
    """The same number of lines, as even as they can be: no lonely last word."""
    widest = max(word.width for word in words)
    if widest > room and len(words) > 1:
        return lines
    small, large = min(widest, room / 2) if widest > room else widest, room
    while large - small > 0.02:
        middle = (small + large) / 2
        if len(_wrap(words, middle)) <= len(lines):
            large = middle
        else:
            small = middle
    return _wrap(words, large)


# ---- one line


def _width(line: Line) -> float:
    """In ems, at any size."""
    return sum(_sign(run.text, run.face, run.level % 2 == 1)[0] for run in _runs(line))


def _rough_box(line: Line) -> _Box:
    boxes = [_sign(letter.text, letter.face, letter.level % 2 == 1)[1] for letter in line]
    return _Box(0, min(box.top for box in boxes), 0, max(box.bottom for box in boxes))


@lru_cache(maxsize=4096)
def _sign(text: str, face: Face, backwards: bool) -> tuple[float, _Box]:
    """How far it moves the pen and where its ink stays, in ems."""
    font = _font(face, REFERENCE)
    text, direction = _directed(text, backwards)
    box = font.getbbox(text, direction=direction, anchor="ls")
    ems = _Box(*(side / REFERENCE for side in box))
    return font.getlength(text, direction=direction) / REFERENCE, ems


def _parts(line: Line, em: int) -> Iterator[_Part]:
    x = 0.0
    for run in _in_sight(_runs(line)):
        font = _font(run.face, em)
        text, direction = _directed(run.text, run.level % 2 == 1)
        yield _Part(x, text, font, direction)
        x += font.getlength(text, direction=direction)


def _directed(text: str, backwards: bool) -> tuple[str, str | None]:
    if can_shape():
        return text, "rtl" if backwards else "ltr"
    return text[::-1] if backwards else text, None


def _measure(parts: list[_Part]) -> _Box:
    boxes = [p.font.getbbox(p.text, direction=p.direction, anchor="ls") for p in parts]
    return _Box(
        left=min(p.x + box[0] for p, box in zip(parts, boxes, strict=True)),
        top=min(box[1] for box in boxes),
        right=max(p.x + box[2] for p, box in zip(parts, boxes, strict=True)),
        bottom=max(box[3] for box in boxes),
    )


def _runs(line: Line) -> list[_Run]:
    return [
        _Run("".join(letter.text for letter in group), face, level)
        for (face, level), group in groupby(line, key=_kind)
    ]


def _kind(letter: Letter) -> tuple[Face, int]:
    return letter.face, letter.level


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


@lru_cache(maxsize=128)
def _font(face: Face, em: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(face.path, em, index=face.number)
    if face.weight:
        font.set_variation_by_axes([face.weight])
    return font
