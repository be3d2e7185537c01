"""Films through the whole product: animatic, draft, several shapes, re-cuts, receipts, stopping."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adgen.domain import (
    AdState,
    Aspect,
    AssetInfo,
    AudioChoice,
    Brand,
    CutChoices,
    Genre,
    Stage,
    TextOverlay,
)
from adgen.errors import WrongStage
from adgen.providers import ffmpeg
from adgen.store.tables import Asset, Prediction
from tests.conftest import until
from tests.studio import Studio, quick_studio

WORDS = TextOverlay(product_name="Pink Court", cta="Run to it", lower_third="Soft sole")
QUIET = AudioChoice(enabled=False, genre=None)
BRAND = Brand(background="#7A1F3D", ink="#FFFFFF", cta="Try it on")


@pytest.fixture(scope="module")
def house(server: str, short_tmp: Path) -> Iterator[Studio]:
    with quick_studio(server, short_tmp / "films") as made:
        yield made


@dataclass
class Story:
    """One ad from its pictures to its films, as it was after each step."""

    pictures: AdState
    animatic: AdState
    clips: AdState
    draft: AdState
    films: AdState
    music: AdState
    words: AdState
    again: AdState
    stopped: AdState
    branded: AdState


@pytest.fixture(scope="module")
def story(house: Studio) -> Story:
    with house.settings():
        return tell(house)


def tell(house: Studio) -> Story:
    act, who = house.commands, house.person
    ad = house.images().id
    pictures = act.approve_images(who, ad, [image.id for image in house.state(ad).images][:2])
    assert act.start_animatic(who, ad).estimated_cost == 0
    animatic = house.ended(ad)
    act.start_clips(who, ad, "slow push-in")
    clips = act.approve_clips(who, ad, [house.ended(ad).clips[0].id])
    act.start_draft(who, ad, WORDS, AudioChoice(), shapes=[Aspect.TALL, Aspect.WIDE])
    draft = house.ended(ad)

    def film(words: TextOverlay, audio: AudioChoice, *shapes: Aspect) -> AdState:
        act.start_video(who, ad, words, audio, shapes=shapes)
        return house.ended(ad, 180)

    films = film(WORDS, AudioChoice(), Aspect.SQUARE, Aspect.PORTRAIT)
    music = film(WORDS, AudioChoice(genre=Genre.CALM), Aspect.SQUARE)
    words = film(WORDS.model_copy(update={"cta": "Run now"}), QUIET, Aspect.SQUARE)
    again = film(WORDS, AudioChoice(), Aspect.SQUARE)
    act.start_draft(who, ad, WORDS, QUIET, cut=CutChoices(smooth=True))
    with pytest.raises(WrongStage):
        act.start_draft(who, ad, WORDS, QUIET)
    act.cancel(who, ad)
    until(lambda: all_settled(house), 60, "the stopped draft's cost row")
    stopped = house.state(ad)
    act.save_brand(who, BRAND)
    act.start_draft(who, ad, WORDS, QUIET, shapes=[Aspect.WIDE])
    return Story(
        pictures, animatic, clips, draft, films, music, words, again, stopped, house.ended(ad)
    )


def all_settled(house: Studio) -> bool:
    with house.database.begin() as db:
        open_calls = "SELECT count(*) FROM generation_costs WHERE settled_at IS NULL"
        return db.connection().exec_driver_sql(open_calls).scalar() == 0


def file_of(house: Studio, asset: AssetInfo) -> Path:
    _, key = house.commands.load_file(house.person, asset.id)
    return house.home / "files" / key


def receipt_of(house: Studio, film: AssetInfo) -> dict[str, Any]:
    data = (house.home / "files" / film.details["receipt"]).read_bytes()
    read: dict[str, Any] = json.loads(data)
    return read


def test_an_animatic_comes_before_any_clip_and_is_free(house: Studio, story: Story) -> None:
    before, after = story.pictures, story.animatic
    assert (after.stage, after.total_cost) == (Stage.IMAGE_SELECTION, before.total_cost)
    # A preview that ended is no news.
    assert after.job == before.job
    shown = after.previews["animatic"]
    media = ffmpeg.probe(file_of(house, shown))
    assert (media.width, media.height, media.has_audio) == (640, 360, True)
    with house.database.begin() as db:
        made = db.get_one(Asset, shown.id).prediction_key
        moves = db.get_one(Prediction, made).inputs["moves"]
    # Two moves with one crossfade between them, and the cards.
    assert media.seconds == pytest.approx(sum(m["duration_seconds"] for m in moves) + 1.5, abs=0.07)


def test_a_draft_is_small_free_and_leaves_the_ad_where_it_was(house: Studio, story: Story) -> None:
    assert (story.draft.stage, story.draft.final_video) == (Stage.CLIP_SELECTION, None)
    assert story.draft.total_cost == story.clips.total_cost
    media = ffmpeg.probe(file_of(house, story.draft.previews["draft"]))
    assert (media.width, media.height) == (360, 640)


def test_several_shapes_are_several_films_of_one_run(house: Studio, story: Story) -> None:
    ad = story.films
    assert ad.stage is Stage.COMPLETE, ad.failure
    assert [film.details["aspect"] for film in ad.videos] == ["1:1", "4:5"]
    assert ad.final_video == ad.videos[0]
    assert not any(film.stale for film in ad.videos)
    for film, size in zip(ad.videos, [(1080, 1080), (1080, 1350)], strict=True):
        media = ffmpeg.probe(file_of(house, film))
        assert (media.width, media.height) == size
        # One clip of 25 frames at 8 a second between two cards.
        assert media.seconds == pytest.approx(2 + 25 / 8, abs=0.04)
    assert ad.total_cost - story.draft.total_cost == 2 * Decimal("0.50")


def test_the_receipt_tells_where_everything_came_from(house: Studio, story: Story) -> None:
    ad, film = story.films, story.films.videos[0]
    receipt = receipt_of(house, film)
    data = file_of(house, film).read_bytes()
    assert receipt["film"]["sha256"] == hashlib.sha256(data).hexdigest()
    [clip] = receipt["clips"]
    [image] = clip["from"]
    assert clip["sha256"] == hashlib.sha256(file_of(house, ad.clips[0]).read_bytes()).hexdigest()
    assert {clip["order"], image["order"]} <= {creation.id for creation in house.fake.creations}
    assert (image["prompt"], image["seed"]) == (ad.prompts[0].prompt, ad.consistency_seed)
    assert receipt["music"]["licence"]
    assert receipt["ffmpeg"]["steps"]
    assert str(house.home) not in json.dumps(receipt)


def test_new_music_makes_no_picture_anew_and_new_words_only_their_card(story: Story) -> None:
    assert story.films.videos[0].details["parts_made"] > 1
    assert story.music.videos[0].details["parts_made"] == 0
    assert story.words.videos[0].details["parts_made"] == 1
    # The other shape is still there, and said to be of the day before.
    shown = [(film.details["aspect"], film.stale) for film in story.words.videos]
    assert shown == [("1:1", False), ("4:5", True)]


def test_the_same_choices_give_the_same_bytes(house: Studio, story: Story) -> None:
    first, second = (receipt_of(house, ad.videos[0]) for ad in (story.films, story.again))
    assert first["film"] == second["film"]
    assert first["asked_at"] < second["asked_at"]


def test_a_stopped_draft_leaves_everything_as_it_was(house: Studio, story: Story) -> None:
    before, after = story.again, story.stopped
    assert (after.stage, after.total_cost) == (before.stage, before.total_cost)
    assert after.job == before.job
    assert not any((house.home / "scratch").iterdir())
    house.audit()


def test_a_brand_is_on_the_cards(house: Studio, story: Story) -> None:
    assert house.commands.load_brand(house.person) == BRAND
    draft = story.branded.previews["draft"]
    assert draft.details["brand"] == BRAND.model_dump(mode="json")
    still = ffmpeg.poster(file_of(house, draft), 0.3, house.home / "card.jpg")
    with Image.open(still, formats=["JPEG"]) as image:
        seen = image.convert("RGB").getpixel((5, 5))
    wanted = (0x7A, 0x1F, 0x3D)
    assert max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) < 8
