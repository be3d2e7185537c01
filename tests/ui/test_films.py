"""Finish, final, animatic and brand: what is chosen reaches the ad, what is old is said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import (
    AdState,
    Aspect,
    AssetType,
    AudioChoice,
    Brand,
    CutChoices,
    Fill,
    Font,
    Genre,
    JobKind,
    Person,
    Role,
    TextOverlay,
    Transition,
)
from adgen.providers import music
from adgen.providers.storage import storage
from adgen.store.database import Database
from adgen.ui import state
from tests.asking import Client
from tests.conftest import PASSWORD, ROOT, add_person
from tests.ui.ads import chosen_clips, component, made, previewed, primary, visit, with_pictures

WORDS = TextOverlay(product_name="Oak & Clay", cta="Shop the set")
CALM = AudioChoice(genre=Genre.CALM)
TENDER = music.tracks(Genre.TENDER)[0].path
Again = Callable[[], AdState]


@pytest.fixture
def cut_ad(commands: Commands, database: Database, person: Person, ad: AdState) -> AdState:
    """An ad with two approved clips of three seconds."""
    chosen_clips(commands, database, person, ad)
    return commands.load_ad(person, ad.id)


@pytest.fixture
def again(commands: Commands, person: Person, cut_ad: AdState) -> Again:
    """The ad as the database has it now."""
    return lambda: commands.load_ad(person, cut_ad.id)


def named(widgets: Any, label: str) -> Any:
    """The one widget with this label."""
    [found] = [widget for widget in widgets if widget.label == label]
    return found


Chosen = Callable[[str], None]


@pytest.fixture
def hear(at: AppTest, commands: Commands, person: Person, cut_ad: AdState) -> Chosen:
    """Choose the music; the list of it is not to be pressed without a browser."""

    def choose(music: str) -> None:
        commands.save_draft(person, cut_ad.id, "music", music)
        at.run()

    return choose


def fill_in(at: AppTest, hear: Chosen) -> None:
    """Choose something else than the default everywhere on the finish page."""
    named(at.text_input, "Name on the opening card").set_value("Oak & Clay").run()
    named(at.text_input, "Call to action on the closing card").set_value("Shop the set").run()
    named(at.text_input, "Lower third (optional)").set_value("Made in Oaxaca").run()
    named(at.number_input, "Comes after, s").set_value(1.0).run()
    named(at.number_input, "Stays for, s").set_value(2.5).run()
    hear("calm_acoustic_s411")
    named(at.slider, "Volume of the music").set_value(0.4).run()
    named(at.pills, "Shapes").set_value([Aspect.TALL, Aspect.WIDE]).run()
    named(at.selectbox, "Between the clips").set_value(Transition.BLACK).run()
    named(at.slider, "How long").set_value(0.8).run()
    named(at.segmented_control, "Beside clips of another shape").set_value(Fill.BLUR).run()
    for toggle in at.toggle:
        toggle.set_value(True)
    at.run()
    assert not at.exception


def assert_filled_in(now: AdState) -> None:
    """What `fill_in` chose is what the film is made of."""
    assert now.text_overlay == TextOverlay(
        product_name="Oak & Clay",
        cta="Shop the set",
        lower_third="Made in Oaxaca",
        lower_start=1.0,
        lower_seconds=2.5,
    )
    assert now.audio == AudioChoice(genre=Genre.CALM, track="calm_acoustic_s411")
    assert now.shapes == (Aspect.TALL, Aspect.WIDE)
    assert now.cut == CutChoices(
        transition=Transition.BLACK,
        transition_seconds=0.8,
        music_volume=0.4,
        loudness=True,
        clip_audio=True,
        smooth=True,
        fill=Fill.BLUR,
    )


def test_the_defaults_are_the_films_of_the_spec(
    at: AppTest, commands: Commands, person: Person, cut_ad: AdState, again: Again
) -> None:
    commands.save_brand(person, Brand(cta="Order today"))
    visit(at, "finish", cut_ad.id)
    assert named(at.text_input, "Call to action on the closing card").value == "Order today"
    at.button(key="next").click().run()
    assert not at.exception
    now = again()
    assert now.cut == CutChoices()
    assert now.shapes == (Aspect.WIDE,)
    assert now.text_overlay == TextOverlay(product_name=now.product, cta="Order today")


def test_all_that_is_chosen_reaches_the_draft_and_the_films(
    at: AppTest, cut_ad: AdState, again: Again, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    fill_in(at, hear)
    at.button(key="draft").click().run()
    assert not at.exception
    now = again()
    assert now.job
    assert now.job.kind is JobKind.DRAFT
    assert_filled_in(now)
    assert at.button(key="next").disabled
    assert at.button(key="draft").disabled

    at.button(key="stop-draft").click().run()
    assert not at.exception
    assert primary(at) == ["Render 2 films · free"]
    at.button(key="next").click().run()
    now = again()
    assert now.job
    assert now.job.kind is JobKind.VIDEO
    assert sorted(now.job.slots) == ["0", "1"]
    assert_filled_in(now)
    assert not set(now.drafts) & {"shapes", "transition", "lower_start", "lower_seconds"}


def test_choices_are_kept_in_another_tab_before_they_are_used(
    at: AppTest, cut_ad: AdState, again: Again, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    fill_in(at, hear)
    assert again().cut == CutChoices()
    other = AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30).run()
    visit(other, "finish", cut_ad.id)
    other.button(key="next").click().run()
    assert not other.exception
    assert_filled_in(again())


def test_a_draft_that_is_no_value_any_more_is_none(
    at: AppTest, commands: Commands, person: Person, cut_ad: AdState
) -> None:
    kept = {"transition": "starwipe", "shapes": "3:2", "music_volume": "loud", "lower_start": "-9"}
    for name, value in (kept | {"lower_third": "Hello"}).items():
        commands.save_draft(person, cut_ad.id, name, value)
    visit(at, "finish", cut_ad.id)
    assert named(at.selectbox, "Between the clips").value == Transition.FADE
    assert named(at.pills, "Shapes").value == [Aspect.WIDE]
    assert named(at.slider, "Volume of the music").value == 0.7
    assert named(at.number_input, "Comes after, s").value == 0.0


def test_the_length_is_that_of_the_transition(at: AppTest, cut_ad: AdState) -> None:
    assert "2 clips with cards and crossfades: 7.5 s" in visit(at, "finish", cut_ad.id)
    named(at.slider, "How long").set_value(1.0).run()
    assert "2 clips with cards and crossfades: 7.0 s" in [c.value for c in at.caption]
    named(at.selectbox, "Between the clips").set_value(Transition.CUT).run()
    assert "2 clips with cards and hard cuts: 8.0 s" in [c.value for c in at.caption]
    assert "How long" not in [slider.label for slider in at.slider]


def test_what_matters_only_sometimes_is_shown_only_then(
    at: AppTest, cut_ad: AdState, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    assert not at.number_input
    assert not at.segmented_control
    hear("none")
    assert "Volume of the music" not in [slider.label for slider in at.slider]
    named(at.pills, "Shapes").set_value([Aspect.WIDE, Aspect.SQUARE]).run()
    assert named(at.segmented_control, "Beside clips of another shape").value == Fill.PAD


def test_without_a_shape_or_a_music_file_nothing_can_be_cut(
    at: AppTest, cut_ad: AdState, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    named(at.pills, "Shapes").set_value([]).run()
    assert "Choose a shape" in [c.value for c in at.caption]
    assert at.button(key="next").disabled
    named(at.pills, "Shapes").set_value([Aspect.SQUARE]).run()
    hear("your file")
    assert "Choose a music file" in [c.value for c in at.caption]
    assert at.button(key="draft").disabled


def test_every_piece_can_be_heard_and_one_is_chosen(
    at: AppTest, cut_ad: AdState, again: Again, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    shown = component(at, "music")
    assert [group["label"] for group in shown["groups"]] == [genre.capitalize() for genre in Genre]
    pieces = [piece for group in shown["groups"] for piece in group["tracks"]]
    assert [piece["url"] for piece in pieces] == [
        f"/api/music/{track.id}" for genre in Genre for track in music.tracks(genre)
    ]
    # Until somebody chooses, it is the piece that the film would have anyway.
    assert shown["chosen"] == music.pick_track(Genre.UPBEAT, cut_ad.consistency_seed or 0).id
    assert shown["licence"].startswith("Library: MIT")
    assert "url" not in shown["own"]
    named(at.slider, "Volume of the music").set_value(0.25).run()
    assert component(at, "music")["volume"] == 0.25
    hear("tender_acoustic_2")
    assert component(at, "music")["chosen"] == "tender_acoustic_2"
    for gone in ("a piece of an older library", "your file"):
        hear(gone)
        assert not at.exception
    assert component(at, "music")["chosen"] == "your file"
    at.file_uploader[0].upload("song.ogg", TENDER.read_bytes(), "audio/ogg").run()
    assert not at.exception
    own = component(at, "music")["own"]
    assert (own["kind"], own["url"]) == ("song.ogg", f"/api/files/{again().drafts['own_music']}")
    assert own["seconds"] > 10
    at.button(key="next").click().run()
    assert again().audio == AudioChoice(genre=None, own_asset_id=own["url"].rpartition("/")[2])


def test_what_was_made_before_pieces_could_be_chosen_is_not_older(
    at: AppTest, commands: Commands, database: Database, person: Person, cut_ad: AdState
) -> None:
    commands.start_video(person, cut_ad.id, WORDS, CALM, cut=CutChoices())
    of_old = CALM.model_dump(mode="json", exclude={"track"})
    details = {
        "text_overlay": WORDS.model_dump(mode="json"),
        "audio": of_old,
        "cut": CutChoices().model_dump(mode="json"),
        "brand": Brand().model_dump(mode="json"),
        "clip_ids": list(cut_ad.clip_order),
        "aspect": "16:9",
    }
    made(database, cut_ad, AssetType.VIDEO, of=1, slots=1, more=details)
    visit(at, "final", cut_ad.id)
    assert component(at, "player")["warn"] == ""
    commands.start_draft(person, cut_ad.id, WORDS, CALM, cut=CutChoices())
    previewed(database, cut_ad, details)
    visit(at, "finish", cut_ad.id)
    assert component(at, "monitor")["items"][-1]["remark"] == "made with these choices"


def test_the_cards_and_the_lower_third_are_seen_as_they_are_typed(
    at: AppTest, cut_ad: AdState, hear: Chosen
) -> None:
    visit(at, "finish", cut_ad.id)
    before = component(at, "monitor")
    first = cut_ad.clip_order[0]
    assert [item["label"] for item in before["items"]] == ["Opening", "1", "2", "Closing"]
    assert before["show"]["id"] == first
    assert not before["items"][1]["over"]

    named(at.text_input, "Name on the opening card").set_value("Stoneware").run()
    hear("calm")
    after = component(at, "monitor")
    assert after["show"]["id"] == "intro"
    assert after["items"][0]["url"].startswith("data:image/png;base64,")
    assert after["items"][0]["url"] != before["items"][0]["url"]
    assert after["items"][3]["url"] == before["items"][3]["url"]

    named(at.text_input, "Lower third (optional)").set_value("Made in Oaxaca").run()
    named(at.pills, "Shapes").set_value([Aspect.TALL]).run()
    last = component(at, "monitor")
    assert last["ratio"] == "9:16"
    assert last["show"]["id"] == first
    over = last["items"][1]["over"]
    assert 0 < over["left"] < over["left"] + over["width"] < 100
    assert not last["items"][1]["fits"]
    # Later than the first clip lasts, it lies over the second.
    named(at.number_input, "Comes after, s").set_value(4.0).run()
    items = component(at, "monitor")["items"]
    assert [bool(item.get("over")) for item in items] == [False, False, True, False]


def test_letters_nobody_has_and_colours_nobody_can_read_are_said(
    at: AppTest, commands: Commands, person: Person, cut_ad: AdState
) -> None:
    commands.save_brand(person, Brand(background="#777777", ink="#888888"))
    shown = visit(at, "finish", cut_ad.id)
    assert "too alike to read" in shown
    named(at.text_input, "Name on the opening card").set_value("Oak \U00010380").run()
    told = [c.value for c in at.caption if "No typeface" in c.value]
    assert len(told) == 1
    assert "\U00010380" in told[0]


def test_a_draft_says_whether_it_is_of_these_choices(
    at: AppTest, commands: Commands, database: Database, person: Person, cut_ad: AdState
) -> None:
    commands.start_draft(person, cut_ad.id, WORDS, CALM, cut=CutChoices())
    details = {
        "text_overlay": WORDS.model_dump(mode="json"),
        "audio": CALM.model_dump(mode="json"),
        "cut": CutChoices().model_dump(mode="json"),
        "brand": Brand().model_dump(mode="json"),
        "clip_ids": list(cut_ad.clip_order),
        "aspect": "16:9",
    }
    visit(at, "finish", cut_ad.id)
    assert "Stop" in [button.label for button in at.button]
    draft = previewed(database, cut_ad, details)
    at.run()
    data = component(at, "monitor")
    assert data["show"]["id"] == draft
    assert (data["items"][-1]["id"], data["items"][-1]["remark"]) == (
        draft, "made with these choices",
    )  # fmt: skip
    named(at.slider, "Volume of the music").set_value(0.5).run()
    data = component(at, "monitor")
    assert data["items"][-1]["remark"] == "made before your last changes"
    assert data["show"]["id"] == draft
    named(at.slider, "Volume of the music").set_value(0.7).run()
    assert component(at, "monitor")["items"][-1]["remark"] == "made with these choices"
    commands.save_brand(person, Brand(background="#112233"))
    at.run()
    assert component(at, "monitor")["items"][-1]["remark"] == "made before your last changes"


@pytest.mark.parametrize(
    ("kind", "page", "elsewhere"),
    [("draft", "finish", "storyboard"), ("animatic", "storyboard", "finish")],
)
def test_a_preview_that_failed_is_said_once_on_its_page(
    at: AppTest,
    commands: Commands,
    database: Database,
    person: Person,
    cut_ad: AdState,
    kind: str,
    page: str,
    elsewhere: str,
) -> None:
    def start() -> None:
        if kind == "draft":
            commands.start_draft(person, cut_ad.id, WORDS, CALM)
        else:
            commands.start_animatic(person, cut_ad.id)

    start()
    previewed(database, cut_ad, {}, error="Clip 2 [is] damaged.")
    shown = visit(at, page, cut_ad.id)
    assert shown.count("damaged") == 1
    why = rf"The {kind} could not be made: Clip 2 \[is\] damaged. Your ad is as it was; try again."
    assert [e.value for e in at.error] == [why]
    assert not at.button(key="next").disabled
    for other in (elsewhere, "final", "brief", "clips", "images"):
        assert "damaged" not in visit(at, other, cut_ad.id)
    start()
    assert "damaged" not in visit(at, page, cut_ad.id)
    previewed(database, cut_ad, {})
    assert "damaged" not in visit(at, page, cut_ad.id)


@pytest.mark.parametrize("kind", ["draft", "animatic"])
def test_other_pages_say_that_a_preview_is_being_made(
    at: AppTest, commands: Commands, person: Person, cut_ad: AdState, kind: str
) -> None:
    if kind == "draft":
        commands.start_draft(person, cut_ad.id, WORDS, CALM)
        own, said = "finish", "A draft is being cut. The next step waits for it."
    else:
        commands.start_animatic(person, cut_ad.id)
        own, said = "storyboard", "An animatic is being made. The next step waits for it."
    for page in ("brief", "images", "storyboard", "clips", "finish", "final"):
        shown = visit(at, page, cut_ad.id)
        assert (said in shown) == (page != own), page
        assert ("Stop" in [b.label for b in at.button]) == (page == own), page
        if page != "final":
            assert at.button(key="next").disabled, page
    visit(at, "images", cut_ad.id)
    at.button(key="elsewhere").click().run()
    assert not at.exception
    assert at.button(key=f"stop-{kind}")


def test_the_animatic_and_whether_it_is_of_these_pictures(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    images = with_pictures(commands, database, person, ad)
    commands.approve_images(person, ad.id, images[:2])
    visit(at, "storyboard", ad.id)
    assert not at.segmented_control
    at.button(key="animatic").click().run()
    assert not at.exception
    job = commands.load_ad(person, ad.id).job
    assert job
    assert job.kind is JobKind.ANIMATIC
    assert at.button(key="next").disabled
    previewed(database, ad, {"image_ids": images[:2], "aspect": "16:9"})
    at.run()
    assert named(at.segmented_control, "Look at").value == "Animatic"
    assert "before any clip is paid for" in component(at, "player")["note"]
    assert not [c for c in at.caption if "other pictures" in c.value]
    named(at.segmented_control, "Look at").set_value("Pictures").run()
    assert len(component(at, "board")["items"]) == 2
    commands.approve_images(person, ad.id, images[:3])
    named(at.segmented_control, "Look at").set_value("Animatic").run()
    assert [c for c in at.caption if "other pictures" in c.value]


RECEIPT = {
    "clips": [
        {
            "model": "offline/camera",
            "seed": 220771,
            "from": [{"model": "black-forest-labs/flux-pro", "seed": 7}],
        }
    ],
    "audio": {"genre": "calm", "own_asset_id": None},
    "music": {"track": "calm_3.opus", "licence": "MIT"},
    "cut": {"transition": "zoomin"},
    "ffmpeg": {"version": "9.0"},
    "versions": {"adgen": "0.1.0"},
}


@pytest.fixture
def films(
    commands: Commands, database: Database, person: Person, cut_ad: AdState, own_settings: None
) -> list[str]:
    """Three films of one ad, up to date, with a receipt."""
    shapes = [Aspect.WIDE, Aspect.TALL, Aspect.SQUARE]
    commands.start_video(person, cut_ad.id, WORDS, CALM, shapes=shapes)
    more = {
        "text_overlay": WORDS.model_dump(mode="json"),
        "audio": CALM.model_dump(mode="json"),
        "cut": CutChoices().model_dump(mode="json"),
        "clip_ids": list(cut_ad.clip_order),
        "receipt": storage().put(json.dumps(RECEIPT).encode(), "application/json").key,
    }
    return made(database, cut_ad, AssetType.VIDEO, of=3, slots=3, more=more)


def test_each_shape_of_a_film_can_be_seen_and_kept(
    at: AppTest, cut_ad: AdState, films: list[str]
) -> None:
    visit(at, "final", cut_ad.id)
    first = component(at, "player")
    assert first["warn"] == ""
    assert (first["url"], first["ratio"]) == (f"/api/files/{films[0]}", "16:9")
    assert first["receipt"]
    assert ["File", "2.0 MB"] in first["facts"]
    assert named(at.segmented_control, "Shape").options == ["16:9", "9:16", "1:1"]
    named(at.segmented_control, "Shape").set_value("9:16").run()
    second = component(at, "player")
    assert (second["url"], second["ratio"]) == (f"/api/files/{films[1]}", "9:16")
    assert second["name"].endswith("9x16")


def test_how_a_film_was_made(at: AppTest, cut_ad: AdState, films: list[str]) -> None:
    shown = visit(at, "final", cut_ad.id)
    assert "seed 220771 · picture: FLUX.1 pro, seed 7" in shown
    assert r"calm, calm\_3.opus · MIT" in shown
    assert "Zoom, adgen 0.1.0, ffmpeg 9.0" in shown


def test_only_the_films_that_are_older_say_so(
    at: AppTest, commands: Commands, database: Database, person: Person, cut_ad: AdState,
    films: list[str],
) -> None:  # fmt: skip
    louder = CutChoices(music_volume=1)
    commands.start_video(person, cut_ad.id, WORDS, CALM, shapes=[Aspect.WIDE], cut=louder)
    commands.cancel(person, cut_ad.id)
    visit(at, "final", cut_ad.id)
    assert "Render again" in component(at, "player")["warn"]
    assert named(at.segmented_control, "Shape").options == [
        "16:9 · older", "9:16 · older", "1:1 · older",
    ]  # fmt: skip


def test_one_film_has_no_choice_of_shapes(
    at: AppTest, commands: Commands, database: Database, person: Person, cut_ad: AdState
) -> None:
    commands.start_video(person, cut_ad.id, WORDS, CALM)
    made(database, cut_ad, AssetType.VIDEO, of=1, slots=1)
    visit(at, "final", cut_ad.id)
    assert not at.segmented_control
    assert not component(at, "player")["receipt"]
    assert "How it was made" not in [one.label for one in at.expander]


def test_the_receipt_is_for_those_who_may_see_the_film(
    at: AppTest, commands: Commands, database: Database, person: Person, cut_ad: AdState,
    films: list[str],
) -> None:  # fmt: skip
    url = f"/api/files/{films[1]}/receipt"
    assert Client().get(url).status_code == 401

    def signed_in(email: str) -> dict[str, str]:
        token, _ = commands.sign_in(email, PASSWORD)
        return {"Authorization": f"Bearer {token}"}

    add_person(database, "eve@example.com")
    assert Client().get(url, headers=signed_in("eve@example.com")).status_code == 404
    own = signed_in(person.email)
    answer = Client().get(url, headers=own, params={"download": "Oak/Clay 9x16"})
    assert answer.json() == RECEIPT
    assert answer.headers["content-type"] == "application/json"
    assert "Oak_Clay%209x16%20receipt.json" in answer.headers["content-disposition"]
    clip = cut_ad.clip_order[0]
    assert Client().get(f"/api/files/{clip}/receipt", headers=own).status_code == 404
    assert Client().get("/api/files/nothing/receipt", headers=own).status_code == 404


def logo(colour: str = "#FFC53D", side: int = 200) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (side, side), colour).save(out, "PNG")
    return out.getvalue()


def test_a_brand_is_seen_saved_and_used(
    at: AppTest, commands: Commands, person: Person, own_settings: None
) -> None:
    visit(at, "settings")
    before = [item["url"] for item in component(at, "board")["items"]]
    assert at.button(key="save-brand").disabled
    assert [c for c in at.caption if "reads well on its background (21.0:1)" in c.value]
    named(at.color_picker, "Background").set_value("#7a1f3d").run()
    named(at.selectbox, "Typeface").set_value(Font.PLAYFAIR).run()
    named(at.text_input, "Usual call to action").set_value("Try it on").run()
    at.file_uploader[0].upload("logo.png", logo(), "image/png").run()
    assert not at.exception
    after = [item["url"] for item in component(at, "board")["items"]]
    assert not set(before) & set(after)
    at.button(key="save-brand").click().run()
    assert not at.exception
    saved = commands.load_brand(person)
    assert saved.model_copy(update={"logo_key": ""}) == Brand(
        background="#7A1F3D", font=Font.PLAYFAIR, cta="Try it on"
    )
    assert saved.logo_key
    assert [item["url"] for item in component(at, "board")["items"]] == after
    assert at.button(key="save-brand").disabled

    named(at.toggle, "Remove the logo").set_value(True).run()
    at.button(key="save-brand").click().run()
    assert not at.exception
    assert commands.load_brand(person).logo_key == ""
    assert not at.toggle


def test_a_file_that_is_no_logo_is_refused_in_plain_words(
    at: AppTest, commands: Commands, person: Person, own_settings: None
) -> None:
    visit(at, "settings")
    at.file_uploader[0].upload("notes.png", b"These are words.", "image/png").run()
    assert "notes.png" in at.error[0].value
    assert at.button(key="save-brand").disabled
    at.file_uploader[0].upload("dot.png", logo(side=8), "image/png").run()
    assert "dot.png" in at.error[0].value
    assert commands.load_brand(person) == Brand()


def test_colours_too_alike_are_said_before_they_are_saved(at: AppTest) -> None:
    visit(at, "settings")
    named(at.color_picker, "Text").set_value("#222222").run()
    assert [c for c in at.caption if "too alike to read" in c.value]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_those_who_only_look_cannot_change_the_brand(
    at: AppTest, database: Database, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    looker = add_person(database, "vera@example.com", Role(role), "ann@example.com")
    monkeypatch.setattr(state, "find_person", lambda: looker)
    visit(at, "settings")
    assert len(component(at, "board")["items"]) == 3
    assert named(at.color_picker, "Background").disabled
    assert not at.file_uploader
    assert not [b for b in at.button if b.key == "save-brand"]
