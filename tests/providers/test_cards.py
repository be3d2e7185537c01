"""Cards, bands and logos, looked at as pictures: where the ink is, and that it is the right ink."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from adgen.domain import Aspect, Font
from adgen.errors import InputRejected
from adgen.providers import cards, typeset
from adgen.providers.cards import Look
from adgen.providers.letters import read
from tests.providers.titles import COUNT, HAND_MADE, hostile_titles

Box = tuple[int, int, int, int]
WARM = Look(background="#12372A", ink="#FBFADA", font=Font.PLAYFAIR)


def ink(path: Path, background: str = "#000000") -> Box | None:
    with Image.open(path, formats=["PNG"]) as picture:
        return ink_of(picture.convert("RGB"), background)


def ink_of(picture: Image.Image, background: str = "#000000") -> Box | None:
    ground = Image.new("RGB", picture.size, background)
    box: Box | None = ImageChops.difference(picture, ground).getbbox()
    return box


def inside(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


def has_ink(text: str) -> bool:
    """Whether there is anything to see in it, by the letters that were read."""
    return any(letter.text.strip("\u2800\u3164\u034f ") for letter in read(text))


def logo_png(size: tuple[int, int], colour: str = "#FF6A3D", border: int = 0) -> bytes:
    picture = Image.new("RGBA", (size[0] + 2 * border, size[1] + 2 * border), (0, 0, 0, 0))
    picture.paste(colour, (border, border, border + size[0], border + size[1]))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def bomb() -> bytes:
    """A small file that says it is 65,000 pixels wide."""
    header = b"IHDR" + struct.pack(">II", 65_000, 65_000) + b"\x08\x06\0\0\0"
    data = logo_png((300, 300))
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    path = tmp_path / "logo.png"
    path.write_bytes(cards.read_logo(logo_png((600, 300)), "logo.png"))
    return path


# ---- two hundred titles nobody should type


def draft(aspect: Aspect) -> tuple[int, int]:
    """The size of a draft, where a title is drawn in a sixth of the time."""
    return aspect.size[0] // 3, aspect.size[1] // 3


def check_titles(titles: Sequence[str], size: tuple[int, int], folder: Path) -> None:
    for title in titles:
        check_card(title, size)
        check_band(title, size, folder)


def check_card(title: str, size: tuple[int, int]) -> None:
    box = ink_of(cards._card(title, size, cards.PLAIN))
    assert bool(box) is has_ink(title), ascii(title)
    assert box is None or inside(box, cards.safe_area(size)), ascii(title)


def check_band(title: str, size: tuple[int, int], folder: Path) -> None:
    band = cards.draw_lower_third(title, size, folder / "band.png")
    assert bool(band) is has_ink(title), ascii(title)
    if band is None:
        return
    with Image.open(band.path, formats=["PNG"]) as panel:
        assert panel.mode == "RGBA"
        wide, high = panel.size
        words = ink_of(panel.convert("RGB"))
    room = (band.left, band.top, band.left + wide, band.top + high)
    assert inside(room, cards.safe_area(size)), ascii(title)
    edge = min(size) // 135
    assert words, ascii(title)
    assert inside(words, (edge, edge, wide - edge, high - edge)), ascii(title)


@pytest.mark.parametrize("aspect", Aspect)
def test_hostile_titles_stay_inside(tmp_path: Path, aspect: Aspect) -> None:
    check_titles(hostile_titles()[::4], draft(aspect), tmp_path)


@pytest.mark.parametrize("aspect", Aspect)
def test_hostile_titles_stay_inside_in_full_size(tmp_path: Path, aspect: Aspect) -> None:
    check_titles(hostile_titles()[:: COUNT // 20], aspect.size, tmp_path)


@pytest.mark.drill
@pytest.mark.parametrize("aspect", Aspect)
def test_all_hostile_titles_stay_inside_in_full_size(tmp_path: Path, aspect: Aspect) -> None:
    check_titles(hostile_titles(), aspect.size, tmp_path)


def test_hostile_titles_are_never_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(title: str) -> bytes:
        words = typeset.set_type(read(title), (350, 200), 30, [typeset.Tier(9)])
        return words.ink.tobytes() if words else b""

    usual = [drawn(title) for title in HAND_MADE]
    monkeypatch.setattr(typeset, "SPARE", 8)
    assert [drawn(title) for title in HAND_MADE] == usual


# ---- cards


@pytest.mark.parametrize("aspect", Aspect)
def test_short_names_are_large_and_in_the_middle(tmp_path: Path, aspect: Aspect) -> None:
    wide, high = aspect.size
    box = ink(cards.draw_card("Aurora", aspect.size, tmp_path / "card.png"))
    assert box
    assert abs((box[0] + box[2]) / 2 - wide / 2) <= 0.005 * wide
    assert abs((box[1] + box[3]) / 2 - high / 2) <= 2
    assert 0.05 * min(wide, high) < box[3] - box[1] < 0.12 * min(wide, high)


def test_a_card_is_white_on_black_unless_a_look_says_otherwise(tmp_path: Path) -> None:
    for look in (cards.PLAIN, WARM):
        path = cards.draw_card("Aurora", (640, 360), tmp_path / "card.png", look)
        with Image.open(path, formats=["PNG"]) as card:
            assert (card.format, card.mode, card.size) == ("PNG", "RGB", (640, 360))
            assert card.getpixel((0, 0)) == cards._rgb(look.background)
            colours = {colour for _, colour in card.getcolors(100_000) or []}
        assert cards._rgb(look.ink) in colours


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u202e\u200d", "\x00", "\u3164", "\ue000"])
def test_no_text_is_the_plain_colour(tmp_path: Path, text: str) -> None:
    assert ink(cards.draw_card(text, (640, 360), tmp_path / "card.png")) is None
    assert cards.draw_lower_third(text, (640, 360), tmp_path / "band.png") is None
    assert not (tmp_path / "band.png").exists()


def test_the_same_text_gives_the_same_bytes(tmp_path: Path, logo: Path) -> None:
    look = WARM.model_copy(update={"logo": logo})
    made = [
        (
            cards.draw_card(HAND_MADE[13], (1080, 1350), tmp_path / f"{i}.png", look).read_bytes(),
            cards.draw_lower_third(HAND_MADE[13], (1080, 1350), tmp_path / f"b{i}.png", look),
            (tmp_path / f"b{i}.png").read_bytes(),
        )
        for i in range(2)
    ]
    assert made[0][0] == made[1][0]
    assert made[0][2] == made[1][2]


def test_what_no_typeface_has_is_left_out_and_told(tmp_path: Path) -> None:
    both = cards.draw_card("ᚠᚢ Aurora", (640, 360), tmp_path / "both.png").read_bytes()
    latin = cards.draw_card("Aurora", (640, 360), tmp_path / "latin.png").read_bytes()
    assert both == latin
    assert cards.undrawable("ᚠᚢ Aurora ᚠ") == "ᚠᚢ"
    assert ink(cards.draw_card("ᚠᚢ", (640, 360), tmp_path / "none.png")) is None


def test_turned_text_cannot_be_smuggled_in(tmp_path: Path) -> None:
    turned = cards.draw_card("gpj\u202e.exe", (640, 360), tmp_path / "a.png").read_bytes()
    plain = cards.draw_card("gpj.exe", (640, 360), tmp_path / "b.png").read_bytes()
    assert turned == plain


def test_every_typeface_draws_its_own_letters(tmp_path: Path) -> None:
    drawn = {
        cards.draw_card("Aurora", (640, 360), tmp_path / "card.png", Look(font=font)).read_bytes()
        for font in Font
    }
    assert len(drawn) == len(Font)


# ---- lower thirds


@pytest.mark.parametrize("aspect", Aspect)
def test_a_band_stands_where_reading_starts(tmp_path: Path, aspect: Aspect) -> None:
    room = cards.safe_area(aspect.size)
    for text, from_right in (("Aurora", False), ("קפה חם", True), ("قهوة Aurora", True)):
        band = cards.draw_lower_third(text, aspect.size, tmp_path / "band.png")
        assert band
        with Image.open(band.path, formats=["PNG"]) as panel:
            right, bottom = band.left + panel.width, band.top + panel.height
        assert room[3] - bottom <= 2
        assert abs(right - room[2] if from_right else band.left - room[0]) <= 2
        assert band.left % 2 == band.top % 2 == panel.width % 2 == panel.height % 2 == 0


def test_lines_of_a_band_share_the_edge_that_reading_starts_from(tmp_path: Path) -> None:
    for text, from_right in (
        ("A very wide first line\nindeed " * 3, False),
        ("אבגד הוז " * 9, True),
    ):
        band = cards.draw_lower_third(text, Aspect.TALL.size, tmp_path / "band.png")
        assert band
        with Image.open(band.path, formats=["PNG"]) as panel:
            grey = panel.convert("RGB").convert("L")
        half = grey.height // 2
        upper = grey.crop((0, 0, grey.width, half)).point(lambda v: 255 * (v > 128)).getbbox()
        lower = grey.crop((0, half, *grey.size)).point(lambda v: 255 * (v > 128)).getbbox()
        assert upper
        assert lower
        edge = 2 if from_right else 0
        assert abs(upper[edge] - lower[edge]) <= 6


def test_a_panel_is_see_through_only_as_far_as_its_words_still_read(tmp_path: Path) -> None:
    seen = {}
    for name, ink_colour in (("strong", "#FFFFFF"), ("weak", "#757575")):
        look = Look(ink=ink_colour)
        band = cards.draw_lower_third("Aurora", (640, 360), tmp_path / "band.png", look)
        assert band
        with Image.open(band.path, formats=["PNG"]) as panel:
            seen[name] = panel.getpixel((panel.width // 2, 3))
            assert panel.getpixel((0, 0))[3] < 40
    assert seen["strong"] == (0, 0, 0, round(0.85 * 255))
    assert seen["weak"] == (0, 0, 0, 255)


def test_tall_frames_keep_clear_of_what_apps_lay_over_them() -> None:
    assert cards.safe_area((1080, 1920)) == (65, 269, 950, 1248)
    assert cards.safe_area((1920, 1080)) == (154, 86, 1766, 994)


# ---- colours


@pytest.mark.parametrize(
    ("ink_colour", "background", "ratio"),
    [
        ("#000000", "#FFFFFF", 21.0),
        ("#FFFFFF", "#FFFFFF", 1.0),
        ("#777777", "#FFFFFF", 4.48),
        ("#767676", "#FFFFFF", 4.54),
        ("#0000FF", "#FFFFFF", 8.59),
        ("#FF0000", "#FFFFFF", 4.0),
        ("#00ff00", "#000000", 15.3),
    ],
)
def test_contrast_is_that_of_wcag(ink_colour: str, background: str, ratio: float) -> None:
    assert cards.contrast(ink_colour, background) == pytest.approx(ratio, abs=0.005)
    assert cards.contrast(background, ink_colour) == cards.contrast(ink_colour, background)


def test_faint_ink_is_told_and_lost_ink_replaced() -> None:
    assert cards.readable(cards.PLAIN) == (cards.PLAIN, "")
    faint, told = cards.readable(Look(background="#FFFFFF", ink="#777777"))
    assert faint.ink == "#777777"
    assert "4.4:1" in told
    lost, told = cards.readable(Look(background="#FFD23F", ink="#FFFFFF"))
    assert lost.ink == "#000000"
    assert "1.4:1" in told
    assert "black" in told
    assert cards.readable(Look(background="#101820", ink="#000000"))[0].ink == "#FFFFFF"


def test_no_look_can_hide_the_words(tmp_path: Path) -> None:
    look = Look(background="#FFD23F", ink="#FFD23F")
    card = cards.draw_card("Aurora", (640, 360), tmp_path / "card.png", look)
    assert ink(card, look.background)


# ---- logos


@pytest.mark.parametrize(("aspect", "text"), list(product(Aspect, ["Aurora", "", "W" * 300])))
def test_a_logo_stands_above_the_words(
    tmp_path: Path, logo: Path, aspect: Aspect, text: str
) -> None:
    card = cards._card(text, aspect.size, Look(logo=logo))
    mark = Image.new("RGB", card.size, "#FF6A3D")
    same = ImageChops.difference(card, mark).convert("L").point(lambda v: 255 * (v < 3))
    place, whole = same.getbbox(), ink_of(card)
    assert place
    assert whole
    assert inside(whole, cards.safe_area(aspect.size))
    assert (place[2] - place[0]) / (place[3] - place[1]) == pytest.approx(2, abs=0.05)
    assert place[2] - place[0] <= 600
    assert abs(place[0] + place[2] - aspect.size[0]) <= 2
    assert place[1] == whole[1]
    if text:
        assert whole[3] > place[3] + 40
    else:
        assert abs(place[1] + place[3] - aspect.size[1]) <= 2


def test_a_small_logo_is_not_blown_up_nor_larger_in_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    path.write_bytes(cards.read_logo(logo_png((100, 100)), "small.png"))
    full = ink_of(cards._card("", (1920, 1080), Look(logo=path)))
    draft = ink_of(cards._card("", (640, 360), Look(logo=path)))
    assert full
    assert draft
    assert full[2] - full[0] == 100
    assert draft[2] - draft[0] == 33


def test_an_uploaded_logo_is_cut_to_what_is_seen() -> None:
    with Image.open(
        io.BytesIO(cards.read_logo(logo_png((300, 120), border=90), "a.png")), formats=["PNG"]
    ) as logo:
        assert (logo.mode, logo.size) == ("RGBA", (300, 120))
    with Image.open(
        io.BytesIO(cards.read_logo(logo_png((4000, 1000)), "b.png")), formats=["PNG"]
    ) as logo:
        assert logo.size == (1200, 300)


def test_a_soft_edge_carries_no_white_rim() -> None:
    soft = Image.new("RGBA", (200, 200), (200, 0, 0, 100))
    out = io.BytesIO()
    soft.save(out, "PNG")
    data = io.BytesIO(cards.read_logo(out.getvalue(), "soft.png"))
    with Image.open(data, formats=["PNG"]) as logo:
        assert logo.getpixel((100, 100)) == (200, 0, 0, 100)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_logos_come_as_jpeg_and_webp_too(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "#FF6A3D").save(out, kind)
    data = io.BytesIO(cards.read_logo(out.getvalue(), "logo"))
    with Image.open(data, formats=["PNG"]) as logo:
        assert (logo.mode, logo.size) == ("RGBA", (300, 200))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture we can read"),
        (b"GIF89a" + bytes(40), "not a picture we can read"),
        (logo_png((300, 120))[:-60], "damaged"),
        (logo_png((40, 40)), "too small"),
        (logo_png((40, 40), border=200), "too small"),
        (logo_png((3000, 4)), "too small or too narrow"),
        (logo_png((0, 0), border=100), "see-through"),
        (bomb(), "too many pixels"),
    ],
)
def test_a_file_that_is_no_logo_is_refused_in_plain_words(data: bytes, said: str) -> None:
    with pytest.raises(InputRejected, match=said):
        cards.read_logo(data, "../logo.png")


def test_a_logo_that_hardly_shows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    path.write_bytes(cards.read_logo(logo_png((300, 120), "#0A0A0A"), "dark.png"))
    assert "logo hardly shows" in cards.readable(Look(logo=path))[1]
    assert cards.readable(Look(background="#FFFFFF", ink="#000000", logo=path))[1] == ""
