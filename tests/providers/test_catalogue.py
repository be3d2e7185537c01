"""The catalogue: every row holds together, prices are data, and models get what they know."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError

from adgen.agents.image_generator import image_inputs
from adgen.agents.prompt_parser import brief_inputs
from adgen.agents.scene_planner import storyboard_inputs
from adgen.agents.video_generator import clip_inputs
from adgen.commands import Commands
from adgen.domain import (
    AdState,
    Aspect,
    AssetInfo,
    AssetType,
    ImagePrompt,
    JobKind,
    Person,
    Scene,
    View,
)
from adgen.errors import NotFound
from adgen.providers import catalogue
from adgen.providers.catalogue import (
    FILE_WORDS,
    ModelSpec,
    StageWord,
    default_model,
    list_models,
    load_model,
    read_catalogue,
)
from adgen.store import costs, predictions, sessions
from adgen.store.database import Database
from adgen.store.predictions import Call, call_key
from tests.replicate_server.schemas import MODELS, input_errors

TOML = files("adgen.providers").joinpath("models.toml").read_text("utf-8")
ROWS = read_catalogue(TOML)
HOSTED = [
    pytest.param(spec, stage, id=f"{stage}-{spec.name}")
    for spec in ROWS.values()
    for stage in spec.stages
    if spec.door == "replicate"
]
FLUX = "black-forest-labs/flux-pro"
# Fields by which models let people weaken their checks of content.
LOOSENING = {
    "disable_safety_checker", "enable_safety_checker", "safety_tolerance", "safety_filter_level",
    "safety_checker", "moderation", "nsfw",
}  # fmt: skip
FILE_URL = "https://api.replicate.com/v1/files/abc"


def picture(kind: AssetType) -> AssetInfo:
    return AssetInfo(
        id="p1",
        session_id="ad-1",
        asset_type=kind,
        url="/api/files/p1",
        content_type="image/jpeg",
        slot=0,
        cost=Decimal(0),
        model_used="upload",
        generation_time=Decimal(0),
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        details={"width": 1600, "height": 1067, "focus": [0.5, 0.5]},
    )


def ad(aspect: Aspect, photos: tuple[AssetInfo, ...]) -> AdState:
    """As much of an ad as the image agent looks at."""
    known: dict[str, Any] = {
        "prompts": tuple(ImagePrompt(view=view, prompt=f"{view} of a pink shoe") for view in View),
        "consistency_seed": 456_123,
        "seeds": {},
        "aspect": aspect,
        "product": "pink shoe",
        "product_prompt": "pink shoe",
        "style_keywords": ("soft light",),
        "photos": photos,
    }
    return AdState.model_construct(**known)


def asked_for(spec: ModelSpec, stage: StageWord) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Real inputs of the agents for a stage, with the files they name, over what may vary."""
    if stage == "brief":
        return [(brief_inputs("pink tennis shoes", 2), {})]
    if stage == "storyboard":
        return [(storyboard_inputs("pink shoe", [View.FRONT, View.TOP], "slow and calm"), {})]
    if stage == "image":
        photo = picture(AssetType.PHOTO)
        return [
            (image_inputs(ad(aspect, photos), 0)[0], {"photo": FILE_URL} if photos else {})
            for aspect in Aspect
            for photos in ((), (photo,))
        ]
    if stage == "clip":
        return [
            (
                clip_inputs(
                    picture(AssetType.IMAGE),
                    Scene(image=1, description="It turns.", motion_intensity=m, duration_seconds=s),
                    spec,
                    aspect=Aspect.WIDE,
                    seed=999_999,
                    attempt=attempt,
                ),
                {"image": FILE_URL},
            )
            for m in (0, 0.37, 1)
            for s in (2, 2.5, 3, 5)
            for attempt in (1, 2, 3)
        ]
    return [({"prompt": "calm piano", "seconds": 12, "seed": 1}, {})]


# Rows


def test_prices_are_decimal_strings_in_the_file() -> None:
    for ref, row in tomllib.loads(TOML)["models"].items():
        assert isinstance(row["price"], str), ref
        assert ROWS[ref].price == (Decimal(row["price"]) if row["price"] else None)
        assert isinstance(row.get("expected", "1"), str), ref


def test_an_empty_price_is_unknown_and_so_is_its_estimate() -> None:
    spec = read_catalogue(TOML.replace('price = "0.036"', 'price = ""'))[
        "bytedance/seedance-1-lite"
    ]
    assert spec.price is None
    assert spec.expected_cost is None


def test_every_hosted_price_says_where_it_comes_from() -> None:
    assert [
        ref for ref, spec in ROWS.items() if spec.provider == "replicate" and not spec.source
    ] == []


@pytest.mark.parametrize("spec", ROWS.values(), ids=lambda spec: spec.name)
def test_fallbacks_can_stand_in(spec: ModelSpec) -> None:
    for other in map(load_model, spec.fallbacks):
        assert other.ref != spec.ref
        assert (other.stages, other.door, other.output) == (spec.stages, spec.door, spec.output)
        assert set(other.inputs.values()) == set(spec.inputs.values())
        assert (other.frames, other.fps, other.durations) == (
            spec.frames, spec.fps, spec.durations,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "ref", "price"),
    [
        ("brief", "meta/meta-llama-3.1-70b-instruct", "0.001"),
        ("storyboard", "meta/meta-llama-3.1-70b-instruct", "0.001"),
        ("image", FLUX, "0.05"),
        ("clip", "stability-ai/stable-video-diffusion", "0.80"),
        ("video", "adgen/cut", "0.50"),
    ],
)
def test_defaults_and_their_prices_are_the_specs(stage: StageWord, ref: str, price: str) -> None:
    spec = default_model(stage, "replicate")
    assert spec.name == ref
    assert (spec.price, spec.expected_cost) == (Decimal(price), Decimal(price))


@pytest.mark.parametrize("stage", ["brief", "storyboard", "image", "clip", "video"])
def test_offline_everything_costs_nothing(stage: StageWord) -> None:
    assert default_model(stage, "offline").expected_cost == Decimal(0)


def test_a_model_of_two_stages_is_listed_in_both_and_foremost_for_the_first() -> None:
    spec = default_model("storyboard", "replicate")
    assert spec in list_models("brief", "replicate")
    assert (spec.stages, spec.stage) == (("brief", "storyboard"), "brief")


def test_mere_fallbacks_are_not_offered() -> None:
    offered = {spec.ref for spec in list_models("clip", "replicate")}
    assert offered.isdisjoint(default_model("clip", "replicate").fallbacks)
    assert "kwaivgi/kling-v2.1" in offered


def test_a_model_we_do_not_have_is_not_found() -> None:
    with pytest.raises(NotFound, match="no model called acme/clips-2"):
        load_model("acme/clips-2")


def test_the_example_in_the_file_works() -> None:
    lines = TOML.partition('[models."acme/clips-2"]\n')[2].splitlines()
    table = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
    [spec] = read_catalogue("\n".join(['[models."acme/clips-2"]', *table])).values()
    assert spec.expected_cost == Decimal("0.20")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('prise = "0.05"', "prise"),
        ('inputs.picture = "pictures"', "words we do not have"),
        ('inputs.seed = "seed"\nfixed.seed = 1', "both maps and fixes"),
        ("frames = 25", "both frames and fps"),
        ("expected = 0", "greater than 0"),
    ],
)
def test_a_mistake_in_a_row_is_told(wrong: str, why: str) -> None:
    row = (
        '[models."acme/x"]\nstage = "clip"\nprovider = "replicate"\nlabel = "X"\nunit = "run"\n'
        'price = "0.05"\nsince = 2026-11-24\n'
    )
    assert read_catalogue(row)
    with pytest.raises(ValidationError, match=why):
        read_catalogue(row + wrong)


# The wire


@pytest.mark.parametrize(("spec", "stage"), HOSTED)
def test_models_take_what_the_agents_ask(spec: ModelSpec, stage: StageWord) -> None:
    served = MODELS[spec.name]
    assert spec.version in (served.versions or (None,))
    assert (spec.output != "uri") == served.listed
    for inputs, urls in asked_for(spec, stage):
        assert input_errors(served, spec.wire(inputs, urls)) == []


@pytest.mark.parametrize(("spec", "stage"), HOSTED)
def test_agents_know_the_words_of_a_row(spec: ModelSpec, stage: StageWord) -> None:
    for inputs, _ in asked_for(spec, stage):
        assert set(spec.inputs.values()) - FILE_WORDS - set(inputs) == set()


@pytest.mark.parametrize(("spec", "stage"), HOSTED)
def test_nothing_loosens_a_safety_check(spec: ModelSpec, stage: StageWord) -> None:
    for inputs, urls in asked_for(spec, stage):
        assert LOOSENING.isdisjoint(spec.wire(inputs, urls))


def test_the_wire_has_the_models_own_names_and_our_values() -> None:
    photo = picture(AssetType.PHOTO)
    inputs, _ = image_inputs(ad(Aspect.PORTRAIT, (photo,)), 2)
    assert load_model(FLUX).wire(inputs, {"photo": FILE_URL}) == {
        "prompt": "back of a pink shoe",
        "image_prompt": FILE_URL,
        "aspect_ratio": "4:5",
        "seed": 456_123,
        "output_format": "jpg",
        "output_quality": 95,
        "prompt_upsampling": False,
    }


def test_the_default_clip_model_gets_motion_and_a_rate_but_no_prompt() -> None:
    spec = default_model("clip", "replicate")
    [(inputs, urls), *_] = asked_for(spec, "clip")
    assert spec.wire(inputs, urls) == {
        "input_image": FILE_URL,
        "motion_bucket_id": 20,
        "frames_per_second": 12,
        "seed": 999_999,
        "video_length": "25_frames_with_svd_xt",
        "sizing_strategy": "maintain_aspect_ratio",
    }


def test_a_file_goes_only_as_the_url_it_was_given() -> None:
    wire = load_model(FLUX).wire({"prompt": "a shoe", "photo": "/home/ann/shoe.jpg"}, {})
    assert "image_prompt" not in wire


# Prices are data


def dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue after someone edited one line of the file."""
    changed = TOML.replace(
        'price = "0.05"\nsince = 2026-11-24', 'price = "0.07"\nsince = 2026-12-01'
    )
    rows = read_catalogue(changed)
    assert [ref for ref, spec in rows.items() if spec != ROWS[ref]] == [FLUX]
    monkeypatch.setattr(catalogue, "catalogue", lambda: rows)


def settled(database: Database, ad_id: str, spec: ModelSpec, quantity: int) -> Decimal | None:
    key = call_key(ad_id, "image", 0, 1)
    call = Call(
        key=key, session_id=ad_id, job_id="j", agent="image_generator", model=spec.ref, inputs={}
    )
    with database.begin() as db:
        predictions.add_intent(db, call)
        costs.open_entry(
            db, session_id=ad_id, key=key, agent=call.agent, model=spec.ref, unit=spec.unit,
            unit_price=spec.price, price_since=spec.since.isoformat(),
        )  # fmt: skip
    with database.begin() as db:
        made = costs.settle_entry(
            db, key, success=True, quantity=Decimal(quantity), seconds=Decimal(1)
        )
        costs.charge(db, sessions.lock_ad(db, ad_id), None, made)
        return made.cost


def test_a_new_price_in_the_file_reaches_estimate_and_ledger(
    commands: Commands, person: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = commands.estimate(JobKind.IMAGES, "replicate", FLUX, 6)
    dearer(monkeypatch)
    after = commands.estimate(JobKind.IMAGES, "replicate", FLUX, 6)
    assert (before, after) == (Decimal("0.301"), Decimal("0.421"))
    ad_id = commands.create_ad(person).id
    assert settled(database, ad_id, load_model(FLUX), 2) == Decimal("0.14")
    assert commands.load_costs(person, ad_id).total_cost == Decimal("0.14")
