"""The product on hosted models: the whole flow, money, and every failure that Replicate knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adgen.domain import SYSTEM, AdState, CostEntry, JobKind, SpendFilter, Stage
from adgen.errors import WrongStage
from adgen.providers.catalogue import default_model, load_model
from adgen.reconcile import compare
from tests.conftest import until
from tests.replicate_server import Fault, ReplicateServer
from tests.studio import Studio, studio

FLUX, SVD, LLAMA = "flux-pro", "stable-video-diffusion", "llama"
IMAGE, CLIP, PLAN = Decimal("0.05"), Decimal("0.80"), Decimal("0.001")


@pytest.fixture(scope="module")
def fake() -> Iterator[ReplicateServer]:
    with ReplicateServer(seconds={"text": 0.1, "image": 0.4, "clip": 0.6}) as made:
        yield made


@pytest.fixture(scope="module")
def house(server: str, short_tmp: Path, fake: ReplicateServer) -> Iterator[Studio]:
    with studio(server, short_tmp / "hosted", fake) as made:
        made.start_worker()
        yield made


@pytest.fixture(autouse=True)
def hosted(own_settings: None, house: Studio) -> Iterator[None]:
    """Each test begins with clean settings; these tests want the studio's."""
    with house.settings():
        yield


@dataclass
class Case:
    """A fault for some of an ad's six pictures, and what a person should find afterwards."""

    fault: Fault
    says: str = ""
    times: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    pictures: int = 6
    # Flux orders that reach Replicate, and pictures that are paid for.
    orders: int = 6
    paid: int = 6
    model: str = FLUX
    waiting: int = 0
    note: str = ""


# One row a case of the failure catalogue. Twelve faults reach two attempts of six pictures.
CASES = {
    "throttled": Case(Fault.THROTTLED, times=4),
    "throttled, little credit": Case(Fault.THROTTLED_LOW_CREDIT, times=2),
    "bad input": Case(Fault.BAD_INPUT, "does not take this request", pictures=5, orders=5, paid=5),
    "bad input, told later": Case(
        Fault.INPUT_INVALID_LATER, "does not take this request", pictures=5, paid=5
    ),
    "server error on create": Case(Fault.ERROR_500, times=2),
    "html on create": Case(Fault.HTML_502, times=2),
    "reset before": Case(Fault.RESET_BEFORE, note="got no answer"),
    "reset after": Case(Fault.RESET_AFTER, times=2),
    "slow answer": Case(Fault.SLOW_ANSWER, options={"seconds": 2.4}),
    "unreadable answer": Case(Fault.GARBAGE_ANSWER, times=2),
    "reset after, listed late": Case(Fault.HIDDEN_FROM_LIST, options={"seconds": 1.0}),
    "unreadable polls": Case(Fault.GARBAGE_POLL, times=6),
    "interrupted": Case(Fault.INTERRUPTED, times=2, orders=8),
    "director": Case(Fault.DIRECTOR, orders=7),
    "unknown E1000": Case(Fault.UNKNOWN_E1000, orders=7),
    "out of memory": Case(Fault.OUT_OF_MEMORY, "ran out of memory", pictures=5, paid=5),
    "nsfw": Case(Fault.NSFW, "refused the content", times=2, pictures=4, paid=4),
    "sensitive": Case(Fault.SENSITIVE_E005, "refused the content", pictures=5, paid=5),
    "aborted": Case(Fault.ABORTED, orders=7),
    "cancelled at Replicate": Case(Fault.CANCELED, "was cancelled", pictures=5, paid=6),
    "no output": Case(Fault.OUTPUT_NULL, "without a usable result", pictures=5),
    "wrong output": Case(Fault.OUTPUT_WRONG_TYPE, "without a usable result", pictures=5),
    "timed out as a success": Case(Fault.TIMED_OUT_SUCCESS, "usable result", pictures=5),
    "data removed": Case(Fault.DATA_REMOVED, "costs again", pictures=5),
    "unknown status": Case(Fault.UNKNOWN_STATUS, options={"seconds": 0.5}),
    "truncated once": Case(Fault.TRUNCATED, times=2),
    "truncated for good": Case(
        Fault.TRUNCATED, "incomplete", options={"downloads": 99}, pictures=5
    ),
    "html for a picture": Case(Fault.HTML_OUTPUT, "not a picture", pictures=5),
    "file expired": Case(Fault.EXPIRED, "no longer available", pictures=5),
    "plan: prose": Case(Fault.LLM_PROSE, model=LLAMA),
    "plan: fenced": Case(Fault.LLM_FENCE, model=LLAMA),
    "plan: cut short": Case(Fault.LLM_TRUNCATED, model=LLAMA),
    "plan: five prompts": Case(Fault.LLM_FIVE, model=LLAMA),
    "plan: never JSON": Case(Fault.LLM_PROSE, times=2, model=LLAMA, note="A plain plan"),
}


@pytest.fixture(scope="module")
def ads(house: Studio, fake: ReplicateServer) -> dict[str, str]:
    """An ad a case, all at once: what happens to one must not touch another."""
    made = {}
    for number, (name, case) in enumerate(CASES.items()):
        word = f"lamp number {number:02}x"
        fake.script(case.fault, model=case.model, prompt=word, times=case.times, **case.options)
        made[name] = house.begin(word)
    # Later tests change what all ads share: the credit, the bill, the models that are gone.
    for ad_id in made.values():
        house.ended(ad_id, 180)
    return made


def entries_of(house: Studio, ad_id: str) -> list[CostEntry]:
    return list(house.commands.load_costs(house.person, ad_id).entries)


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_said_in_plain_words_and_costs_what_it_costs(
    house: Studio, fake: ReplicateServer, ads: dict[str, str], name: str
) -> None:
    case, ad_id = CASES[name], ads[name]
    state = house.ended(ad_id)
    assert state.stage is Stage.IMAGE_SELECTION, state.failure
    assert len(state.images) == case.pictures
    word = state.product_prompt
    made = [c for c in fake.creations if FLUX in c.model and word in c.input["prompt"]]
    assert len(made) == case.orders
    entries = entries_of(house, ad_id)
    pictures = [e for e in entries if e.agent_name == "image_generator"]
    assert sum(e.cost_usd or 0 for e in pictures) == IMAGE * case.paid
    assert all(e.cost_usd is not None for e in entries)
    errors = " ".join(e.error_message or "" for e in pictures)
    assert case.says in errors
    for leak in ("http", "r8_", "code: PA", "E1001", "predictions"):
        assert leak not in errors
    assert case.note in " ".join(state.notes)
    if case.pictures < 6:
        assert state.missing is not None
        assert (state.missing[0], len(state.missing[1])) == (JobKind.IMAGES, 6 - case.pictures)


def test_after_all_that_no_order_is_doubled_or_lost(house: Studio, ads: dict[str, str]) -> None:
    for ad_id in ads.values():
        house.ended(ad_id)
    house.audit()
    assert house.slots_made_twice() == 0


def test_what_replicate_told_of_each_order_is_its_bill(
    house: Studio, fake: ReplicateServer, ads: dict[str, str]
) -> None:
    """Through every failure: kept word for word, and the same sum as the ledger."""
    for ad_id in ads.values():
        house.ended(ad_id)
    found = compare(house.commands.model_days(SYSTEM, SpendFilter())).models
    models = {check.model.partition(":")[0]: check for check in found}
    for name, units in fake.billed.items():
        check = models[name]
        price = load_model(check.model).price or Decimal(0)
        assert check.logged == units * price, name
        # It does not say how many pictures it had made of the one that was cancelled there.
        untold = 1 if FLUX in name else 0
        assert check.reported == check.told_logged == (units - untold) * price, name
        assert (check.unpriced, check.unreported) == (0, untold), name
        assert check.off_report == 0, name
    with house.database.begin() as db:
        said = "SELECT reported FROM predictions WHERE reported IS NOT NULL"
        kept = db.scalars(text(said)).all()
    told = {str(one.pop("status")): set(one) for one in kept}
    assert {"succeeded", "failed", "aborted", "canceled"} <= set(told)
    assert {"predict_time", "total_time"} <= told["succeeded"]


def test_a_repair_call_is_made_once_and_says_what_was_wrong(
    house: Studio, fake: ReplicateServer, ads: dict[str, str]
) -> None:
    word = house.ended(ads["plan: five prompts"]).product_prompt
    asked = [c.input["prompt"] for c in fake.creations if LLAMA in c.model]
    mine = [prompt for prompt in asked if word in prompt]
    assert len(mine) == 2
    assert "could not be used" in mine[1]


def test_the_whole_flow_costs_what_the_catalogue_says_and_what_is_billed(
    house: Studio, fake: ReplicateServer
) -> None:
    before = dict(fake.billed)
    ad = house.images("pink tennis shoes on clay", model=default_model("image", "replicate").ref)
    assert len(ad.images) == 6
    house.clips(ad.id, pick=3)
    done = house.film(ad.id)
    assert done.stage is Stage.COMPLETE, done.failure
    assert done.final_video is not None
    expected = PLAN + 6 * IMAGE + PLAN + 3 * CLIP + Decimal("0.50")
    assert done.total_cost == expected
    billed = {model: units - before.get(model, 0) for model, units in fake.billed.items()}
    # The cut is made here; all else is on Replicate's bill.
    assert _bill(billed) + Decimal("0.50") == expected
    seeds = {c.input["seed"] for c in fake.creations
             if FLUX in c.model and "tennis shoes on clay" in c.input["prompt"]}  # fmt: skip
    assert seeds == {done.consistency_seed}
    assert 100_000 <= (done.consistency_seed or 0) <= 999_999
    assert [round(float(clip.details["duration_seconds"]), 1) for clip in done.clips] == [3.1] * 3
    house.audit()


def _bill(units: dict[str, Decimal]) -> Decimal:
    prices = {load_model(ref).name: load_model(ref).price or Decimal(0) for ref in (
        default_model("image", "replicate").ref,
        default_model("clip", "replicate").ref,
        default_model("brief", "replicate").ref,
    )}  # fmt: skip
    return sum((count * prices[model] for model, count in units.items() if count), Decimal(0))


def test_three_of_six_fail_the_stage_and_only_those_are_made_again(
    house: Studio, fake: ReplicateServer
) -> None:
    fake.script(Fault.NSFW, model=FLUX, prompt="three fail", times=3)
    state = house.images("three fail of a kettle")
    assert state.stage is Stage.FAILED
    assert state.failure is not None
    assert state.failure.startswith("3 of 6 pictures failed, and 4 are needed")
    assert "The 3 good ones are kept. Retry the missing 3 (~$0.15)." in state.failure
    kept = set(state.generated_image_ids)
    started = house.commands.retry(house.person, state.id)
    assert started.estimated_cost == 3 * IMAGE
    state = house.ended(state.id)
    assert state.stage is Stage.IMAGE_SELECTION
    assert len(state.images) == 6
    assert kept < set(state.generated_image_ids)
    assert state.total_cost == PLAN + 6 * IMAGE


def test_two_of_six_fail_and_it_goes_on_with_four(house: Studio, fake: ReplicateServer) -> None:
    fake.script(Fault.NSFW, model=FLUX, prompt="two fail", times=2)
    state = house.images("two fail of a kettle")
    assert state.stage is Stage.IMAGE_SELECTION
    assert len(state.images) == 4


def test_a_model_that_is_gone_is_replaced_and_the_ad_says_so(
    house: Studio, fake: ReplicateServer
) -> None:
    ad = house.images("a brass bell")
    fake.gone.add("stability-ai/stable-video-diffusion")
    try:
        state = house.clips(ad.id, pick=2)
    finally:
        fake.gone.clear()
    assert len(state.clips) == 2
    assert {clip.model_used.partition(":")[0] for clip in state.clips} == {
        "christophy/stable-video-diffusion"
    }
    assert any("is not available" in note for note in state.notes)
    assert state.total_cost == PLAN + 6 * IMAGE + PLAN + 2 * CLIP


def test_without_fallback_a_model_that_is_gone_is_named(
    house: Studio, fake: ReplicateServer
) -> None:
    fake.gone.add("black-forest-labs/flux-schnell")
    try:
        state = house.images("a tin drum", model="black-forest-labs/flux-schnell")
    finally:
        fake.gone.clear()
    assert state.stage is Stage.FAILED
    assert "black-forest-labs/flux-schnell" in str(state.failure)
    assert "Choose another model" in str(state.failure)
    assert state.total_cost == PLAN


def test_no_credit_stops_every_order_and_keeps_what_is_paid(
    house: Studio, fake: ReplicateServer
) -> None:
    fake.script(Fault.NO_CREDIT, model=FLUX, prompt="broke", times=1)
    fake.script(Fault.LONG_START, model=FLUX, prompt="broke", times=1, seconds=1.5)
    state = house.images("broke umbrella")
    assert "no credit left" in str(state.hold)
    sent = len(fake.creations)
    others = [house.begin(f"umbrella {number} in the rain") for number in range(3)]
    # A new start is a person's word that it is settled, and shows at once that it is not.
    fake.credit = False
    for other in others:
        after = house.ended(other)
        assert after.stage is Stage.FAILED
    try:
        assert "Add credit" in str(house.state(others[-1]).failure)
    finally:
        fake.credit = True
    assert len(fake.creations) - sent <= 3 * 7
    paid = house.state(state.id)
    for ad_id in [state.id, *others]:
        if house.state(ad_id).missing or house.state(ad_id).stage is Stage.FAILED:
            house.commands.retry(house.person, ad_id)
            done = house.ended(ad_id)
            assert len(done.images) == 6, done.failure
            assert done.total_cost == PLAN + 6 * IMAGE
    assert set(paid.generated_image_ids) <= set(house.state(state.id).generated_image_ids)
    assert house.state(state.id).hold is None
    house.audit()


def test_a_wrong_token_stops_and_says_who_must_act(house: Studio, fake: ReplicateServer) -> None:
    fake.script(Fault.BAD_TOKEN, model=LLAMA, prompt="keyless")
    state = house.images("keyless door")
    assert state.stage is Stage.FAILED
    assert "administrator" in str(state.failure)
    assert state.total_cost == 0
    house.commands.retry(house.person, state.id)
    assert len(house.ended(state.id).images) == 6


def test_stop_ends_the_orders_at_replicate_and_the_bill_is_shown(
    house: Studio, fake: ReplicateServer
) -> None:
    fake.script(Fault.LONG_START, model=FLUX, prompt="patient", times=6, seconds=60)
    ad_id = house.begin("patient turtle")
    until(lambda: sum("patient" in c.input.get("prompt", "") and FLUX in c.model
                      for c in fake.creations) == 6, 30, "six orders")  # fmt: skip
    house.commands.cancel(house.person, ad_id)
    until(lambda: fake.active("black-forest-labs/flux-pro") == 0, 30, "the end at Replicate")

    def settled() -> bool:
        return all(entry.success is not None for entry in entries_of(house, ad_id))

    until(settled, 30, "the cost rows")
    assert house.state(ad_id).total_cost == PLAN
    with pytest.raises(WrongStage):
        house.commands.cancel(house.person, ad_id)
    house.audit()


def test_waiting_for_a_machine_and_running_are_told_apart(
    house: Studio, fake: ReplicateServer
) -> None:
    fake.script(Fault.LONG_START, model=FLUX, prompt="cold boot", times=1, seconds=2.5)
    ad_id = house.begin("cold boot polish")
    seen: set[str] = set()

    def cold() -> bool:
        job = house.state(ad_id).job
        seen.update(job.slots.values() if job else ())
        return {"starting", "running", "done"} <= seen

    until(cold, 30, "all three states")
    assert house.ended(ad_id).stage is Stage.IMAGE_SELECTION


def test_the_token_never_leaves_for_another_host(house: Studio, fake: ReplicateServer) -> None:
    assert fake.tokens_seen_at_delivery == []
    with house.database.begin() as db:
        dump = str(db.execute(text("SELECT * FROM predictions")).all())
    log = house.log_file.read_text("utf-8", "replace")
    for place in (dump, log):
        assert str(fake.env["REPLICATE_API_TOKEN"]) not in place
    assert "Traceback" not in log


def test_a_product_photo_guides_the_pictures(house: Studio, fake: ReplicateServer) -> None:
    ad = house.commands.create_ad(house.person)
    house.commands.add_sample_photos(house.person, ad.id)
    house.commands.start_images(house.person, ad.id, "photographed chair")
    state: AdState = house.ended(ad.id)
    assert len(state.images) == 6
    sent = [c.input for c in fake.creations
            if FLUX in c.model and "photographed chair" in c.input["prompt"]]  # fmt: skip
    assert all(one["image_prompt"] for one in sent)
