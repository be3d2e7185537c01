"""Cards, looked at as pictures: where the ink is, and whether it is the right ink."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from adgen.domain import Aspect
from adgen.providers import cards

NAMES = {
    "short": "Aurora Coffee Mug",
    "hostile": "50% off: it's \"50:50\" \\ [new] {x} %{pts} '; rm -rf / <b>&amp;",
    "words": ("Lorem ipsum dolor sit amet consectetur adipiscing elit " * 6)[:300],
    "one word": "W" * 300,
    "arabic": "فنجان قهوة أورورا 50% الآن!",
    "hebrew": "ספל קפה Aurora חדש, 50% הנחה!",
    "devanagari": "ऑरोरा कॉफ़ी मग – अभी खरीदें",
    "thai": "แก้วกาแฟออโรร่า ซื้อเลยวันนี้",
    "emoji": "Buy now 🎉👩‍🚀❤️ 1️⃣ 🇩🇪",
    "marks": "Z" + "\u0301\u0302\u0308\u0334" * 40 + "algo p" + "\u0323" * 50,
    "widest sign": "\ufdfd" * 300,
    "endless cluster": "क्" * 150,
    "joined": "👩\u200d" * 150,
}


def ink(path: Path) -> tuple[int, int, int, int] | None:
    with Image.open(path, formats=["PNG", "JPEG"]) as picture:
        box: tuple[int, int, int, int] | None = picture.convert("L").point(_is_ink).getbbox()
    return box


def _is_ink(value: int) -> int:
    return 255 if value > 8 else 0


@pytest.mark.parametrize(("name", "aspect"), list(product(NAMES, Aspect)))
def test_names_stay_inside(tmp_path: Path, name: str, aspect: Aspect) -> None:
    wide, high = aspect.size
    card = cards.draw_card(NAMES[name], aspect.size, tmp_path / "card.png")
    box = ink(card)
    assert box
    assert box[0] > 0.03 * wide
    assert box[1] > 0.03 * high
    assert box[2] < 0.97 * wide
    assert box[3] < 0.97 * high
    with Image.open(card, formats=["PNG", "JPEG"]) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", aspect.size)


@pytest.mark.parametrize("aspect", Aspect)
def test_short_names_are_large_and_in_the_middle(tmp_path: Path, aspect: Aspect) -> None:
    wide, high = aspect.size
    box = ink(cards.draw_card("Aurora", aspect.size, tmp_path / "card.png"))
    assert box
    assert abs((box[0] + box[2]) / 2 - wide / 2) <= 0.005 * wide
    assert abs((box[1] + box[3]) / 2 - high / 2) <= 2
    assert 0.05 * min(wide, high) < box[3] - box[1] < 0.12 * min(wide, high)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u202e\u200d", "\x00"])
def test_no_text_is_plain_black(tmp_path: Path, text: str) -> None:
    assert ink(cards.draw_card(text, (640, 360), tmp_path / "card.png")) is None


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    made = [
        cards.draw_card(NAMES["hebrew"], (1080, 1350), tmp_path / f"{i}.png").read_bytes()
        for i in range(2)
    ]
    assert made[0] == made[1]


def test_what_no_font_has_is_left_out_and_told(tmp_path: Path) -> None:
    both = cards.draw_card("极光 Aurora", (640, 360), tmp_path / "both.png").read_bytes()
    latin = cards.draw_card("Aurora", (640, 360), tmp_path / "latin.png").read_bytes()
    assert both == latin
    assert cards.undrawable("极光 Aurora 极") == "极光"
    assert ink(cards.draw_card("极光", (640, 360), tmp_path / "none.png")) is None


def test_turned_text_cannot_be_smuggled_in(tmp_path: Path) -> None:
    turned = cards.draw_card("gpj\u202e.exe", (640, 360), tmp_path / "a.png").read_bytes()
    plain = cards.draw_card("gpj.exe", (640, 360), tmp_path / "b.png").read_bytes()
    assert turned == plain


def seen(text: str) -> str:
    """The text in the order it stands, left to right, runs in brackets when turned."""
    runs = cards._in_sight(cards._runs(cards._read(text)))
    return "".join(f"<{run.text}>" if run.level % 2 else run.text for run in runs)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("Buy now", "Buy now"),
        ("קפה Aurora", "Aurora<קפה >"),
        ("Aurora קפה!", "Aurora <קפה>!"),
        ("Buy קפה חם, now", "Buy <קפה חם>, now"),
        ("קפה 50%!", "<!>50%<קפה >"),
        ("Only 50% קפה", "Only 50% <קפה>"),
    ],
)
def test_both_directions_stand_as_unicode_says(text: str, stands: str) -> None:
    assert seen(text) == stands


def test_lines_are_even() -> None:
    letters = cards._read("Aurora Coffee Mug for Everyone")
    greedy = cards._wrap(letters, 100, 1400)
    even = cards._balance(letters, greedy, 100, 1400)
    assert ["".join(letter.text for letter in line) for line in greedy] == [
        "Aurora Coffee Mug for",
        "Everyone",
    ]
    assert ["".join(letter.text for letter in line) for line in even] == [
        "Aurora Coffee",
        "Mug for Everyone",
    ]


def test_a_machine_that_cannot_shape_still_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "can_shape", lambda: False)
    for name in ("arabic", "hebrew", "devanagari", "short"):
        assert ink(cards.draw_card(NAMES[name], (640, 360), tmp_path / "card.png"))
