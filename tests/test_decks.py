"""The replay: what its slides tell, and that its document says and does nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from adgen import decks
from adgen.commands import Commands
from adgen.decks import Deck, Door, Embedded, Slide
from adgen.domain import AdState, AssetInfo, AssetType, CostEntry, CostSummary, Person, View

DOOR = Door(files="/api/files/", back="/final?ad=1")
HOSTILE = (
    "<script>window.hurt=1</script>",
    "</script><script>window.hurt=1</script>",
    "<!--<script>window.hurt=1</script>",
    "--><img src=x onerror=window.hurt=1>",
    "<img src=x onerror=window.hurt=1>",
    "<svg onload=window.hurt=1>",
    '"><svg/onload=window.hurt=1>',
    "'><iframe src=javascript:window.hurt=1>",
    "</title><script>window.hurt=1</script>",
    "</style><script>window.hurt=1</script>",
    "]]><script>window.hurt=1</script>",
    "javascript:window.hurt=1",
    "${window.hurt=1}",
    "`;window.hurt=1;`",
    "\\u003cscript>window.hurt=1\\u003c/script>",
    '\\"};window.hurt=1;//',
    "&lt;script&gt;window.hurt=1&lt;/script&gt;",
    "<!--files--><script>window.hurt=1</script>",
    "<math><mtext></script><img src=x onerror=window.hurt=1>",
    "\u2028window.hurt=1\u2029<a href='data:text/html,x' style='position:fixed;inset:0'>x</a>",
)


@pytest.fixture
def empty(commands: Commands, person: Person) -> AdState:
    return commands.create_ad(person)


def asset(kind: AssetType, number: int, **details: Any) -> AssetInfo:
    name = f"{kind.value}-{number}"
    film = kind in (AssetType.CLIP, AssetType.VIDEO)
    return AssetInfo(
        id=name,
        session_id="1",
        asset_type=kind,
        url=f"/api/files/{name}",
        content_type="video/mp4" if film else "image/jpeg",
        slot=number,
        cost=Decimal(0),
        model_used="offline/photos",
        generation_time=Decimal(0),
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        details={"width": 1920, "height": 1080, "duration_seconds": 3.0, **details},
    )


def finished(empty: AdState, **changes: Any) -> AdState:
    """An ad with six pictures, two clips and two films, as data."""
    images = tuple(asset(AssetType.IMAGE, n, view=view.value) for n, view in enumerate(View))
    clips = tuple(
        asset(AssetType.CLIP, n, image_id=f"image-{n}", description=f"Slow push {n}")
        for n in range(2)
    )
    films = tuple(
        asset(AssetType.VIDEO, n, aspect=shape) for n, shape in enumerate(("16:9", "1:1"))
    )
    made = {
        "title": "Oak & Clay",
        "product_prompt": "Oak chair, morning light",
        "style_keywords": ("warm light",),
        "photos": (asset(AssetType.PHOTO, 0),),
        "images": images,
        "image_takes": images,
        "clips": clips,
        "clip_takes": clips,
        "final_video": films[0],
        "videos": films,
        "marks": {"image-0": "approved", "image-1": "approved", "image-2": "rejected"},
        "reject_reasons": {"image-2": "garbled text"},
        "remarks": {"image-2": "Look at the handle"},
    }
    return empty.model_copy(update={**made, **changes})


def entry(number: int, agent: str, cost: str | None, success: bool | None = True) -> CostEntry:
    return CostEntry(
        id=number,
        session_id="1",
        agent_name=agent,
        model_used="a model",
        cost_usd=None if cost is None else Decimal(cost),
        duration_seconds=Decimal(1),
        success=success,
        error_message=None,
        unit="run",
        quantity=Decimal(1),
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


def ledger(*entries: CostEntry) -> CostSummary:
    return CostSummary(
        session_id="1",
        total_cost=sum((e.cost_usd or Decimal(0) for e in entries), Decimal(0)),
        by_agent={},
        by_model={},
        unpriced=sum(e.cost_usd is None and e.success is not None for e in entries),
        entries=entries,
    )


COSTS = ledger(
    entry(1, "prompt_parser", "0.001"),
    *(entry(n, "image_generator", "0.05") for n in range(2, 8)),
    entry(8, "scene_planner", "0.001"),
    entry(9, "video_generator", "0.83"),
    entry(10, "video_generator", None),
    entry(11, "video_generator", "0", success=False),
    entry(12, "compositor", "0.50"),
)


def kinds(deck: Deck) -> list[str]:
    return [slide.kind for slide in deck.slides]


def only(deck: Deck, kind: str) -> list[Slide]:
    return [slide for slide in deck.slides if slide.kind == kind]


# ---- what is told


def test_an_ad_is_told_from_its_brief_to_its_cost(empty: AdState) -> None:
    deck = decks.tell(finished(empty), COSTS)
    assert kinds(deck) == [
        *("title", "brief", "pictures", "picks", "clip", "clip", "film", "film", "cost")
    ]
    title, brief, pictures, *_ = deck.slides
    assert (title.heading, title.words) == ("Oak & Clay", "Oak chair, morning light")
    assert [item.id for item in brief.items] == ["photo-0"]
    assert pictures.heading == "Six pictures"
    first, second = only(deck, "clip")
    assert (first.heading, first.words, first.aside) == ("Clip 1 of 2", "Slow push 0", "front")
    assert second.items[0].poster == "image-1"
    assert [slide.aside for slide in only(deck, "film")] == ["16:9 · 3.0 s", "1:1 · 3.0 s"]


def test_what_is_missing_has_no_slide(empty: AdState) -> None:
    assert kinds(decks.tell(empty, ledger())) == ["title"]
    briefed = empty.model_copy(update={"product_prompt": "Oak chair", "title": "Oak chair"})
    deck = decks.tell(briefed, ledger())
    assert kinds(deck) == ["title", "brief"]
    assert deck.slides[0].words == "", "the name says it already"
    undecided = finished(empty, clips=(), videos=(), final_video=None, marks={})
    assert kinds(decks.tell(undecided, None))[2:] == ["pictures", *["picture"] * 6]


def test_the_chosen_pictures_are_seen_in_large_while_there_are_no_clips(empty: AdState) -> None:
    deck = decks.tell(finished(empty, clips=(), videos=(), final_video=None), None)
    assert [slide.heading for slide in only(deck, "picture")] == ["Front", "Side"]


def test_picks_say_what_was_decided_and_why(empty: AdState) -> None:
    [picks] = only(decks.tell(finished(empty), None), "picks")
    assert (picks.heading, picks.aside) == ("2 of 6 chosen", "1 rejected · 3 undecided")
    rejected = picks.items[2]
    assert (rejected.mark, rejected.reason) == ("rejected", "garbled text")
    assert rejected.note == "Look at the handle"
    assert [item.mark for item in picks.items[3:]] == ["open"] * 3


def test_a_film_of_before_the_last_changes_says_so(empty: AdState) -> None:
    old = asset(AssetType.VIDEO, 0, aspect="16:9").model_copy(update={"changes": ("Music.",)})
    [film] = only(decks.tell(finished(empty, videos=(old,)), None), "film")
    assert film.aside == "16:9 · 3.0 s · Cut before the last changes"


def test_the_running_cost_grows_and_what_is_unknown_is_said(empty: AdState) -> None:
    deck = decks.tell(finished(empty), COSTS)
    spent = [(slide.kind, slide.spent) for slide in deck.slides]
    sums = {kind: (step.cost, step.unpriced) for kind, step in spent if step}
    assert sums == {
        "title": (Decimal(0), 0),
        "brief": (Decimal(0), 0),
        "pictures": (Decimal("0.301"), 0),
        "picks": (Decimal("0.301"), 0),
        "clip": (Decimal("1.132"), 1),
        "film": (Decimal("1.632"), 1),
        "cost": (Decimal("1.632"), 1),
    }
    [cost] = only(deck, "cost")
    assert [(s.name, s.calls, s.unpriced) for s in cost.steps] == [
        ("Brief", 1, 0), ("Pictures", 6, 0), ("Storyboard", 1, 0), ("Clips", 3, 1), ("Film", 1, 0),
    ]  # fmt: skip
    assert cost.aside == "12 calls"
    assert cost.words == "1 call failed. The price of 1 call is unknown and in no sum."


def test_a_copy_says_that_the_original_was_paid_for(empty: AdState) -> None:
    copied = asset(AssetType.IMAGE, 0, view="front", copied_from="another")
    [cost] = only(decks.tell(finished(empty, images=(copied,)), COSTS), "cost")
    assert "paid for there" in cost.words


def test_without_costs_no_sum_is_anywhere(empty: AdState) -> None:
    deck = decks.tell(finished(empty), None, notes=False)
    assert "cost" not in kinds(deck)
    data = data_of(decks.write(deck, DOOR))
    slides = json.dumps(data["slides"])
    assert not re.search(r"0\.0|1\.63|\$", slides)
    assert {slide["spent"] for slide in data["slides"]} == {None}
    assert "handle" not in slides, "notes stay at home"


# ---- the document


class Outline(HTMLParser):
    """The elements of a document, and the words inside each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inside.append((self.tags[-1][0] if self.tags else "", data))


def data_of(document: str) -> dict[str, Any]:
    [island] = re.findall(r'<script type="application/json" id="deck">(.*?)</script>', document)
    data: dict[str, Any] = json.loads(island)
    return data


def test_people_words_are_data_and_never_markup(empty: AdState) -> None:
    plain = Outline(decks.write(decks.tell(finished(empty), COSTS), DOOR)).tags
    for words in HOSTILE:
        remarks = {f"image-{n}": words for n in range(6)} | {"clip-0": words}
        ad = finished(
            empty,
            title=words,
            product_prompt=words,
            style_keywords=(words,),
            remarks=remarks,
            clips=(asset(AssetType.CLIP, 0, description=words),),
        )
        document = decks.write(decks.tell(ad, COSTS), DOOR)
        data = data_of(document)
        assert data["title"] == data["slides"][1]["words"] == words
        assert data["slides"][3]["items"][0]["note"] == words
        markup = document.replace(json.dumps(data).replace("<", "\\u003c"), "")
        assert "window.hurt" not in markup
        assert Outline(document).tags == plain


def test_the_policy_lets_only_our_own_script_and_style_run(empty: AdState) -> None:
    document = decks.write(decks.tell(finished(empty), COSTS), DOOR)
    policy = decks.headers()["Content-Security-Policy"]
    assert allowed(policy, "script-src") == digests(document, "script>")
    assert allowed(policy, "style-src") == digests(document, "style>")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not [name for _, found in Outline(document).tags for name in found if name[:2] == "on"]
    assert "style=" not in document.replace(data_island(document), "")


def data_island(document: str) -> str:
    return document[document.index('id="deck">') : document.index("</script>")]


def allowed(policy: str, part: str) -> set[str]:
    [value] = re.findall(rf"{part} ([^;]+)", policy)
    return set(value.split())


def digests(document: str, tag: str) -> set[str]:
    texts = re.findall(rf"<{tag}(.*?)</{tag}", document, re.DOTALL)
    return {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in texts
    }


def kept(deck: Deck, folder: Path, size: int) -> dict[str, Embedded]:
    """A file for each that the replay shows, each its own."""
    files = {}
    for number, file_id in enumerate(deck.file_ids):
        path = folder / f"file-{number}"
        path.write_bytes(bytes([number]) * (size + number))
        kind = "image/jpeg" if file_id.startswith(("image", "photo")) else "video/mp4"
        files[file_id] = Embedded(path=path, content_type=kind)
    return files


def test_an_exported_replay_carries_every_file_it_shows(empty: AdState, tmp_path: Path) -> None:
    deck = decks.tell(finished(empty), COSTS)
    files = kept(deck, tmp_path, 1000)
    document = b"".join(decks.embed(deck, files)).decode()
    carried = dict(re.findall(r'id="file-([\w-]+)">(data:[^<]+)</script>', document))
    assert set(carried) == set(deck.file_ids)
    for file_id, address in carried.items():
        head, _, data = address.partition(",")
        assert head == f"data:{files[file_id].content_type};base64"
        assert base64.b64decode(data) == files[file_id].path.read_bytes()
    assert data_of(document)["door"] == {"files": "", "back": ""}


def test_an_exported_replay_names_no_address_and_keeps_the_same_rules(
    empty: AdState, tmp_path: Path
) -> None:
    deck = decks.tell(finished(empty), COSTS)
    document = b"".join(decks.embed(deck, kept(deck, tmp_path, 10))).decode()
    addresses = [
        value
        for tag, found in Outline(document).tags
        for name, value in found.items()
        if name in ("src", "href") or tag == "link"
    ]
    assert all((value or "").startswith(("data:", "icon")) for value in addresses)
    assert "url(/" not in document
    assert "/api/" not in document
    [policy] = [
        found["content"] or ""
        for _, found in Outline(document).tags
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert allowed(policy, "script-src") == digests(document, "script>")
    assert allowed(policy, "style-src") == digests(document, "style>")
    assert "self" not in policy
    assert "http" not in policy.replace("http-equiv", "")


def test_a_large_film_is_embedded_in_small_parts(empty: AdState, tmp_path: Path) -> None:
    deck = decks.tell(finished(empty), COSTS)
    files = kept(deck, tmp_path, 10)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(20_000_000)
    files["video-0"] = Embedded(path=large, content_type="video/mp4")
    whole, largest, most = spent_on(decks.embed(deck, files))
    assert whole > 26_000_000
    assert largest < 500_000
    assert most < 4_000_000


def spent_on(parts: Iterator[bytes]) -> tuple[int, int, int]:
    """The size of all parts, of the largest, and the most memory that was in use."""
    next(parts)
    tracemalloc.start()
    sizes = [len(part) for part in parts]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return sum(sizes), max(sizes), most
