"""Letters and lines: directions, typefaces, and where lines break."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from adgen.domain import Font
from adgen.providers import letters, typeset
from adgen.providers.letters import Line, read
from adgen.providers.typeset import Align, Setting, Tier, set_type

ROOT = Path(__file__).resolve().parents[2]


def seen(text: str) -> str:
    """The text in the order it stands, left to right, runs in brackets when turned."""
    runs = typeset._in_sight(typeset._runs(read(text)))
    return "".join(f"<{run.text}>" if run.level % 2 else run.text for run in runs)


def written(lines: Sequence[Line]) -> list[str]:
    return ["".join(letter.text for letter in line) for line in lines]


def broken(text: str, room: tuple[int, int], largest: int, lines: int = 4) -> list[str]:
    """The lines that the text is set in."""
    words = typeset._words(read(text))
    return written(typeset._fit(typeset._choose(words, room, largest, [Tier(lines)])).lines)


def set_words(text: str, font: Font = Font.NOTO_SANS) -> Setting:
    words = set_type(read(text, font), (900, 500), 80, [Tier(4)])
    assert words
    return words


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


@pytest.mark.parametrize(
    ("text", "rtl"), [("Aurora", False), ("קפה", True), ("50% قهوة", True), ("123", False)]
)
def test_the_first_letter_says_where_reading_starts(text: str, rtl: bool) -> None:
    assert letters.is_rtl(read(text)) is rtl


# ---- typefaces


def test_chinese_japanese_and_korean_write_the_same_sign_their_own_way() -> None:
    faces = {text: read(text)[0].face.number for text in ("直", "直に", "直 한", "ㄅ直")}
    assert faces == {"直": 2, "直に": 0, "直 한": 1, "ㄅ直": 2}
    chinese, japanese = read("直"), read("直に")[:1]
    drawn = [set_type(line, (900, 500), 80, [Tier(1)]) for line in (chinese, japanese)]
    assert drawn[0]
    assert drawn[1]
    assert drawn[0].ink.tobytes() != drawn[1].ink.tobytes()


@pytest.mark.parametrize("text", ["极光咖啡杯", "オーロラ", "ひかり", "오로라", "𠮷"])
def test_all_of_cjk_can_be_drawn(text: str) -> None:
    assert letters.undrawable(text) == ""
    assert set_words(text).ink.getbbox()


@pytest.mark.parametrize("font", Font)
def test_what_the_chosen_typeface_lacks_comes_from_noto(font: Font) -> None:
    first, *_, last = read("A 咖 क Ж 🎉 ا", font)
    assert first.face == letters._face(font)
    assert "Arabic" in last.face.path


def test_digits_and_signs_stay_in_the_typeface_they_can() -> None:
    faces = [letter.face for letter in read("光! 5", Font.OSWALD)]
    assert faces[0] == faces[1] == faces[2]
    assert faces[3] == letters._face(Font.OSWALD)


def test_no_typeface_is_opened_by_importing() -> None:
    code = (
        "import adgen.providers.cards as c, adgen.providers.letters as l, sys;"
        "sys.exit(l._faces.cache_info().currsize + l._known.cache_info().currsize"
        " + ('fontpkg_lato' in sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0


# ---- lines


def test_lines_are_even() -> None:
    text = "Aurora Coffee Mug for Everyone"
    words = typeset._words(read(text))
    assert written(typeset._wrap(words, 14)) == ["Aurora Coffee Mug for", "Everyone"]
    assert broken(text, (1400, 900), 100, 2) == ["Aurora Coffee", "Mug for Everyone"]


def test_a_long_word_is_set_smaller_before_it_is_broken() -> None:
    assert broken("Rindfleischetikettierung jetzt", (1000, 900), 120) == [
        "Rindfleischetikettierung",
        "jetzt",
    ]
    assert len(broken("W" * 80, (1000, 900), 120)) > 1


def test_a_broken_word_has_even_parts() -> None:
    assert {len(part) for part in broken("W" * 60, (1000, 900), 120)} == {15}


def test_a_line_does_not_begin_with_a_dash() -> None:
    words = typeset._words(read("Aurora – now - here"))
    assert written([word.letters for word in words]) == ["Aurora –", "now -", "here"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("极光咖啡，现在！", ["极", "光", "咖", "啡，", "现", "在！"]),
        ("「光」と影", ["「光」", "と", "影"]),
        ("新しいコーヒーを飲もう", ["新しい", "コーヒーを", "飲もう"]),
        ("お得なセット、今だけ", ["お得な", "セット、", "今だけ"]),
        ("오로라 커피", ["오로라", "커피"]),
        ("iPhone用", ["iPhone", "用"]),
        ("Aurora", ["Aurora"]),
    ],
)
def test_lines_break_where_the_script_allows(text: str, pieces: list[str]) -> None:
    words = typeset._words(read(text))
    assert written([word.letters for word in words]) == pieces


def test_chinese_breaks_after_its_commas_if_it_can() -> None:
    phrases = typeset._words(read("极光咖啡杯，限时优惠，立即购买"), by_phrase=True)
    assert written([word.letters for word in phrases]) == ["极光咖啡杯，", "限时优惠，", "立即购买"]


def test_more_lines_are_allowed_when_letters_come_out_tiny() -> None:
    long = read("word " * 60)
    few = set_type(long, (800, 800), 80, [Tier(2)])
    more = set_type(long, (800, 800), 80, [Tier(2, 30), Tier(8)])
    assert few
    assert more
    assert more.em > 1.5 * few.em


def test_lines_share_the_edge_that_reading_starts_from() -> None:
    for text in ("wide wide wide wide wide wide", "רחבה מאד שורה רחבה מאד שורה"):
        made = {align: set_type(read(text), (500, 300), 60, [Tier(2)], align) for align in Align}
        centre, start = made[Align.CENTRE], made[Align.START]
        assert centre
        assert start
        assert abs(centre.ink.width - start.ink.width) <= 4
        assert start.rtl is (text[0] == "ר")


def test_a_machine_that_cannot_shape_still_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    typeset._sign.cache_clear()
    monkeypatch.setattr(typeset, "can_shape", lambda: False)
    for text in ("فنجان قهوة", "ספל קפה Aurora", "कॉफ़ी मग", "Aurora"):
        assert set_words(text).ink.getbbox()
    typeset._sign.cache_clear()
