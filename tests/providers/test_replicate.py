"""The door to Replicate against the fake: what each answer means for the order and the money."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adgen import errors
from adgen.config import Settings
from adgen.errors import AdgenError, AnswerLost, ResultWaiting, Throttled
from adgen.providers import fetch, replicate, verdict
from adgen.providers.catalogue import ModelSpec, load_model
from adgen.providers.models import Phase, Result, Watch
from adgen.providers.replicate import INLINE_MAX, ReplicateModels
from tests.conftest import free_port
from tests.providers.test_fetch import TRICKS, Server, raw, reply, running
from tests.replicate_server import Fault, ReplicateServer
from tests.replicate_server.schemas import MODELS
from tests.replicate_server.wire import Reply, Request

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
FAST = {"text": 0.04, "image": 0.06, "clip": 0.06, "audio": 0.04}
TOKEN = "r8_s3cretOfTheDoor"
# Longer than pytest lets a test run: whoever waits for it does not pass.
FOREVER = 1000

LLAMA = load_model("meta/meta-llama-3.1-70b-instruct")
FLUX = load_model("black-forest-labs/flux-pro")
SCHNELL = load_model("black-forest-labs/flux-schnell")
SDXL = load_model(
    "stability-ai/sdxl:7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
)
SVD = load_model(
    "christophy/stable-video-diffusion:"
    "92a0c9a9cb1fd93ea0361d15e499dc879b35095077b2feed47315ccab4524036"
)
PICTURE = {"prompt": "a cup", "aspect": "16:9", "seed": 7}
Rule = Callable[[Request], Reply | None]


class Fake(ReplicateServer):
    """The fake, which keeps every request and may be told to answer out of its line."""

    def __init__(self) -> None:
        super().__init__(seconds=FAST, token=TOKEN)
        self.seen: list[Request] = []
        self.rules: list[Rule] = []

    def handle(self, request: Request) -> Reply:
        self.seen.append(request)
        for rule in list(self.rules):
            if answer := rule(request):
                return answer
        return super().handle(request)

    def instead(self, line: str, *replies: Reply) -> None:
        """The next requests whose method and path begin with `line` get these answers."""
        left = list(replies)

        def rule(request: Request) -> Reply | None:
            mine = f"{request.method} {request.path}".startswith(line)
            return left.pop(0) if mine and left else None

        self.rules.append(rule)

    def always(self, line: str, status: int, body: bytes = b"no") -> None:
        """Every request whose method and path begin with `line` gets this answer."""

        def rule(request: Request) -> Reply | None:
            mine = f"{request.method} {request.path}".startswith(line)
            return Reply(status, body) if mine else None

        self.rules.append(rule)

    def asked(self, line: str) -> int:
        """How many requests began so."""
        return sum(f"{r.method} {r.path}".startswith(line) for r in self.seen)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as made:
        yield made


@pytest.fixture
def canary() -> Iterator[Server]:
    """Must never be reached."""
    with running() as made:
        yield made


Doors = Callable[..., ReplicateModels]


@pytest.fixture
def doors(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    """Makes doors with the fake's settings and others."""
    made: list[ReplicateModels] = []

    def make(**env: str) -> ReplicateModels:
        for name, value in {**fake.env, **env}.items():
            monkeypatch.setenv(name, value)
        made.append(ReplicateModels(TOKEN, Settings()))
        return made[-1]

    yield make
    for door in made:
        door._http.close()
        door._orders.close()


@pytest.fixture
def door(doors: Doors) -> ReplicateModels:
    return doors()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicate, "POLL_MIN_S", 0.02)
    monkeypatch.setattr(replicate, "STOP_WAIT_S", 1.0)
    monkeypatch.setattr(replicate, "REQUESTS_PER_S", 1000.0)
    monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
    # Clients read all of the machine's certificates otherwise, each time.
    monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda **_: NO_TLS)


@pytest.fixture(autouse=True)
def nothing_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """In no test whatever the token gets into the log."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not [told for told in caplog.get_records("call") if TOKEN in told.getMessage()]


def order(door: ReplicateModels, spec: ModelSpec = FLUX, **inputs: Any) -> str:
    wire = door.prepare(spec, {**PICTURE, **inputs}, {})
    return door.order(spec, wire, "key")


def lately() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=120)


def collect(
    door: ReplicateModels,
    order_id: str,
    work: Path,
    spec: ModelSpec = FLUX,
    *,
    inputs: Mapping[str, Any] = PICTURE,
    watch: Watch | None = None,
) -> Result:
    work.mkdir(exist_ok=True)
    return door.collect(spec, order_id, inputs, {}, work, watch or Watch())


def photo(side: int = 96) -> bytes:
    """A JPEG of noise, which no encoder makes small."""
    noise = random.Random(side).randbytes(side * side * 3)  # noqa: S311
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(out, "JPEG", quality=95)
    return out.getvalue()


def problem(status: int, detail: str, **more: Any) -> Reply:
    return Reply(status, json.dumps({"detail": detail, **more}).encode())


# ---- ordering


def test_a_model_is_ordered_by_its_name(door: ReplicateModels, fake: Fake) -> None:
    wire = door.prepare(FLUX, PICTURE, {})
    order_id = door.order(FLUX, wire, "key")
    [creation] = fake.creations
    assert (creation.id, creation.version, creation.input) == (order_id, "hidden", wire)
    assert fake.seen[-1].path == "/v1/models/black-forest-labs/flux-pro/predictions"


def test_a_version_is_ordered_by_its_id(door: ReplicateModels, fake: Fake) -> None:
    wire = door.prepare(SDXL, {**PICTURE, "width": 1024, "height": 576}, {})
    order_id = door.order(SDXL, wire, "key")
    [creation] = fake.creations
    assert (creation.id, creation.version, creation.input) == (order_id, SDXL.version, wire)
    assert fake.seen[-1].path == "/v1/predictions"


def test_an_order_ends_by_itself_and_does_not_wait(door: ReplicateModels, fake: Fake) -> None:
    for spec in (FLUX, LLAMA, FLUX):
        order(door, spec, max_tokens=50)
    headers = [creation.headers for creation in fake.creations]
    assert [one["cancel-after"] for one in headers] == ["1200s", "480s", "1200s"]
    assert not any("prefer" in one for one in headers)
    assert {one["authorization"] for one in headers} == {f"Bearer {TOKEN}"}


def test_many_threads_share_a_door(door: ReplicateModels, fake: Fake) -> None:
    with ThreadPoolExecutor(32) as pool:
        ids = list(pool.map(lambda number: order(door, prompt=f"cup {number}"), range(200)))
    said = {creation.id: creation.input["prompt"] for creation in fake.creations}
    assert [said[order_id] for order_id in ids] == [f"cup {number}" for number in range(200)]
    assert len(door._clients) == 1


# Whether the order was made all the same.
LOST = [
    (Fault.ERROR_500, False),
    (Fault.HTML_502, False),
    (Fault.RESET_BEFORE, False),
    (Fault.RESET_AFTER, True),
    (Fault.GARBAGE_ANSWER, True),
    (Fault.SLOW_ANSWER, True),
]


@pytest.mark.parametrize(("fault", "made"), LOST)
def test_an_order_without_an_answer_is_found_if_it_was_made(
    doors: Doors, fake: Fake, fault: Fault, made: bool
) -> None:
    door = doors(ADGEN_CREATE_TIMEOUT_S="0.4")
    # The same words for another seed, and the same for another model: no matches.
    order(door, seed=8)
    order(door, SCHNELL)
    fake.script(fault, seconds=FOREVER)
    with pytest.raises(AnswerLost):
        order(door)
    wire = door.prepare(FLUX, PICTURE, {})
    ids = [creation.id for creation in fake.creations[2:]]
    assert len(ids) == made
    assert door.find(FLUX, wire, lately()) == ids
    assert fake.asked("POST") == 3


# The service took these orders, and says so in a way that the client cannot read.
ANSWERS: dict[str, dict[str, Any]] = {
    "aborted": {"status": "aborted"},
    "new status": {"status": "queued_on_mars"},
    "error is an object": {"error": {"code": 7}},
    "no urls": {"urls": None, "version": None},
    "metrics is a list": {"metrics": [1]},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_the_client_cannot_read_never_loses_the_order(
    door: ReplicateModels, fake: Fake, name: str
) -> None:
    def bent(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        answer = ReplicateServer.handle(fake, request)
        body = answer.body() if callable(answer.body) else answer.body
        return Reply(201, json.dumps({**json.loads(body), **ANSWERS[name]}).encode())

    fake.rules.append(bent)
    try:
        order_id = order(door)
    except AnswerLost:
        [order_id] = door.find(FLUX, door.prepare(FLUX, PICTURE, {}), lately())
    assert [creation.id for creation in fake.creations] == [order_id]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(201, b"[]"),
        Reply(201, b"null"),
        Reply(201, b'"starting"'),
        Reply(200, b""),
        Reply(201, b'{"id": "abc"}'),
        Reply(201, b'{"id": "abc", "status": "starting"}', cut=12),
        Reply(500, b"[1, 2]"),
        Reply(503, b"", "text/plain"),
        Reply(501, b"\xff\xfe"),
    ],
)
def test_nonsense_in_place_of_an_answer_may_have_been_an_order(
    door: ReplicateModels, fake: Fake, answer: Reply
) -> None:
    fake.instead("POST", answer)
    with pytest.raises(AnswerLost):
        order(door)
    assert fake.asked("POST") == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_order_follows_no_redirect(
    door: ReplicateModels, fake: Fake, canary: Server, status: int
) -> None:
    fake.instead("POST", Reply(status, b"", headers={"location": canary.url}))
    with pytest.raises(AnswerLost):
        order(door)
    assert canary.connections == 0


def test_a_service_that_cannot_be_reached_took_nothing(doors: Doors, tmp_path: Path) -> None:
    door = doors(REPLICATE_BASE_URL=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Throttled, match="cannot be reached"):
        order(door)
    with pytest.raises(Throttled, match="cannot be reached"):
        door.find(FLUX, {}, lately())
    (tmp_path / "big.jpg").write_bytes(bytes(INLINE_MAX + 1))
    with pytest.raises(Throttled, match="cannot be reached"):
        door.prepare(FLUX, PICTURE, {"photo": tmp_path / "big.jpg"})
    with pytest.raises(errors.ProviderBusy):
        door.account()


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.THROTTLED_LOW_CREDIT])
def test_being_told_to_wait_closes_the_door_for_all(
    door: ReplicateModels, fake: Fake, fault: Fault
) -> None:
    fake.script(fault, seconds=30)
    with pytest.raises(Throttled, match=r"asks us to wait; going on in \d\d s") as caught:
        order(door)
    assert 30 <= caught.value.wait_s <= 36
    waits: list[float] = []

    def another() -> None:
        try:
            order(door)
        except Throttled as busy:
            waits.append(busy.wait_s)

    threads = [threading.Thread(target=another) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == 8
    assert all(0 < wait <= 36 for wait in waits)
    assert fake.asked("POST") == 1
    assert fake.creations == []


def test_the_door_opens_again_after_the_wait(door: ReplicateModels, fake: Fake) -> None:
    fake.instead("POST", problem(429, "Request was throttled.", retry_after=0))
    with pytest.raises(Throttled):
        order(door)
    opens = threading.Event()
    while True:
        try:
            order(door)
        except Throttled as busy:
            opens.wait(busy.wait_s)
        else:
            break
    assert (fake.asked("POST"), len(fake.creations)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        (problem(429, "Your rate limit resets in ~7s."), 7, 8.4),
        (problem(429, "Your rate limit resets in 2.5 s."), 2.5, 3),
        (problem(429, "slow down", retry_after=9), 9, 10.8),
        (problem(429, "resets in ~7s", retry_after="11"), 11, 13.2),
        (Reply(429, b"<html>", headers={"retry-after": "4"}), 4, 4.8),
        (Reply(429, b"", headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), 5, 6),
        (Reply(429, b"[]"), 5, 6),
        (problem(429, "x", retry_after=10**9), 120, 144),
        (problem(429, "x", retry_after=-3), 0.5, 0.6),
        (problem(429, "x", retry_after=float("inf")), 120, 144),
        (problem(429, "x", retry_after=float("nan")), 0.5, 0.6),
        (problem(429, "x", retry_after=[1]), 5, 6),
        (Reply(429, b"", headers={"retry-after": "nan"}), 0.5, 0.6),
    ],
)
def test_how_long_to_wait_is_read_in_any_shape_and_bounded(
    door: ReplicateModels, fake: Fake, answer: Reply, least: float, most: float
) -> None:
    fake.instead("POST", answer)
    with pytest.raises(Throttled) as caught:
        order(door)
    assert least <= caught.value.wait_s <= most
    assert door._closed_until > 0


REFUSALS: list[tuple[Reply | Fault, type[AdgenError], str]] = [
    (Fault.BAD_TOKEN, errors.AccountBlocked, "administrator"),
    (Fault.NO_CREDIT, errors.AccountBlocked, "Add credit"),
    (Fault.MODEL_GONE, errors.ModelGone, "black-forest-labs/flux-pro"),
    (Fault.BAD_INPUT, errors.ModelInputRefused, "prompt is required"),
    (problem(403, "You may not."), errors.ModelGone, "not available"),
    (problem(404, "Not found."), errors.ModelGone, "not available"),
    (
        problem(422, "The specified version does not exist (or perhaps ...)"),
        errors.ModelGone,
        "not available",
    ),
    (problem(400, "No."), errors.ModelInputRefused, "No"),
    (problem(413, "Too large"), errors.ModelInputRefused, "Too large"),
    (Reply(405, b"<html>"), errors.ModelInputRefused, "does not take this request"),
    (Reply(422, b"[]"), errors.ModelInputRefused, "does not take this request"),
]


@pytest.mark.parametrize(("answer", "error", "says"), REFUSALS)
def test_a_refusal_says_what_to_do_and_took_nothing(
    door: ReplicateModels,
    fake: Fake,
    answer: Reply | Fault,
    error: type[AdgenError],
    says: str,
) -> None:
    if isinstance(answer, Fault):
        fake.script(answer)
    else:
        fake.instead("POST", answer)
    with pytest.raises(error) as caught:
        order(door)
    assert type(caught.value) is error
    assert says in caught.value.user_message
    assert caught.value.charged == 0
    assert not caught.value.retryable
    assert (fake.asked("POST"), fake.creations) == (1, [])


def test_a_refusal_repeats_no_address_and_no_token(door: ReplicateModels, fake: Fake) -> None:
    said = f"- input.image: https://x.example/s?sig=1 by {TOKEN} is no data:image/png;base64,AA=="
    fake.instead("POST", problem(422, said))
    with pytest.raises(errors.ModelInputRefused) as caught:
        order(door)
    assert not [w for w in ("x.example", TOKEN, "base64") if w in caught.value.user_message]


def test_a_wrong_token_is_told_by_the_account_too(doors: Doors, fake: Fake) -> None:
    door = doors()
    assert door.account() == "adgen-tests"
    fake.token = "r8_another"
    with pytest.raises(errors.AccountBlocked, match="administrator"):
        door.account()
    with pytest.raises(errors.ProviderBusy, match="401"):
        door.unknown_fields(FLUX)


# ---- finding


def test_orders_are_found_over_many_pages_oldest_first(door: ReplicateModels, fake: Fake) -> None:
    mine = [order(door)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: order(door, seed=number + 10), range(230)))
    mine.append(order(door))
    wire = door.prepare(FLUX, PICTURE, {})
    assert door.find(FLUX, wire, lately()) == mine
    assert fake.asked("GET /v1/predictions") == 3


def test_the_list_is_read_no_further_than_the_moment_of_the_order(
    door: ReplicateModels, fake: Fake
) -> None:
    row = {"model": FLUX.name, "input": door.prepare(FLUX, PICTURE, {})}
    rows = [
        {**row, "id": "new", "created_at": "2026-11-24T10:00:05.5Z"},
        {**row, "id": "old", "created_at": "2026-11-24T09:59:59.5Z"},
    ]
    page = {"results": rows, "next": f"{fake.url}/v1/predictions?cursor=x"}
    fake.instead("GET", Reply(200, json.dumps(page).encode()))
    # As though the service did not know the filter.
    since = datetime(2026, 11, 24, 10, 0, 0, 250, tzinfo=UTC)
    assert door.find(FLUX, row["input"], since) == ["new"]  # type: ignore[arg-type]
    assert fake.asked("GET") == 1
    assert fake.seen[0].query["created_after"] == "2026-11-24T10:00:00.000250Z"


def test_a_list_without_end_ends(door: ReplicateModels, fake: Fake) -> None:
    page = {"results": [{"id": "x"}], "next": f"{fake.url}/v1/predictions?cursor=x"}
    fake.always("GET /v1/predictions", 200, json.dumps(page).encode())
    assert door.find(FLUX, {}, lately()) == []
    assert fake.asked("GET") == replicate.LIST_PAGES_MAX


def test_a_page_of_anything_breaks_nothing(door: ReplicateModels, fake: Fake) -> None:
    order_id = order(door)
    fake.script(Fault.ABORTED)
    aborted = order(door)
    fake.wait_idle()
    wire = door.prepare(FLUX, PICTURE, {})
    # The official client cannot read a page with an aborted row at all.
    assert door.find(FLUX, wire, lately()) == [order_id, aborted]
    good = [p.as_json(10**9, fake.url) for p in fake._all()]
    odd: list[Any] = [None, [], "row", 7, {}, {"id": "a"}, {"input": None, "model": FLUX.name}]
    for number in range(len(odd)):
        rows = [*odd[number:], *good, *odd[:number]]
        fake.instead("GET", Reply(200, json.dumps({"results": rows}).encode()))
        assert set(door.find(FLUX, wire, lately())) <= {order_id, aborted}
    for page in (b"[]", b"7", b"null", b"{}", b'{"results": null}', b'{"results": {"a": 1}}',
                 b'{"results": "abc"}', b'{"results": [1], "next": 5}'):  # fmt: skip
        fake.instead("GET", Reply(200, page))
        assert door.find(FLUX, wire, lately()) == []


def test_an_input_may_be_echoed_with_more_but_never_with_other_values(
    door: ReplicateModels, fake: Fake
) -> None:
    wire = door.prepare(FLUX, PICTURE, {})
    row = {"model": FLUX.name, "created_at": "2999"}
    rows = [
        {**row, "id": "more", "input": {**wire, "steps": 25}},
        {**row, "id": "less", "input": {k: v for k, v in wire.items() if k != "seed"}},
        {**row, "id": "other", "input": {**wire, "seed": 8}},
        {**row, "id": "removed", "input": {}},
        {**row, "id": "model", "input": wire, "model": SCHNELL.name},
    ]
    fake.instead("GET", Reply(200, json.dumps({"results": rows}).encode()))
    assert door.find(FLUX, wire, lately()) == ["more"]


def test_a_version_is_found_by_its_id_or_by_its_model(door: ReplicateModels, fake: Fake) -> None:
    rows = [
        {"id": "by name", "model": SDXL.name, "version": "other", "input": {}},
        {"id": "by version", "model": "renamed/sdxl", "version": SDXL.version, "input": {}},
        {"id": "neither", "model": "renamed/sdxl", "version": "other", "input": {}},
    ]
    fake.instead("GET", Reply(200, json.dumps({"results": rows}).encode()))
    assert door.find(SDXL, {}, lately()) == ["by version", "by name"]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500, b"{}"),
        Reply(502, b"<html>", "text/html"),
        Reply(403, b"{}"),
        Reply(200, b"<html>"),
        Reply(302, b"", headers={"location": "/v1/account"}),
        Reply(reset=True),
        Reply(200, b'{"results": []}', cut=5),
        problem(429, "Your rate limit resets in ~9s."),
    ],
)
def test_who_cannot_look_does_not_say_that_there_is_nothing(
    door: ReplicateModels, fake: Fake, answer: Reply
) -> None:
    order(door)
    wire = door.prepare(FLUX, PICTURE, {})
    fake.instead("GET /v1/predictions", answer)
    with pytest.raises(Throttled) as caught:
        door.find(FLUX, wire, lately())
    assert caught.value.wait_s == (9 if answer.status == 429 else caught.value.wait_s)
    assert len(door.find(FLUX, wire, lately())) == 1


def test_a_token_that_is_dead_while_looking_leaves_the_order_to_be_found_later(
    door: ReplicateModels, fake: Fake
) -> None:
    order(door)
    wire = door.prepare(FLUX, PICTURE, {})
    fake.instead("GET /v1/predictions", Reply(401, b"{}"))
    with pytest.raises(errors.ResultWaiting, match="token"):
        door.find(FLUX, wire, lately())
    assert len(door.find(FLUX, wire, lately())) == 1


@pytest.mark.parametrize(
    "link",
    [
        "{canary}/v1/predictions",
        "HTTP://127.0.0.1:{port}/v1/predictions",
        "hTTp://127.0.0.1:{port}",
        "{base}@127.0.0.1:{port}/v1/predictions",
        "{base}.evil.example/v1",
        "{base}0/v1/predictions",
        "https://evil.example/v1/predictions",
        "ftp://127.0.0.1:{port}/x",
        "//127.0.0.1:{port}/v1/predictions",
        "\\\\127.0.0.1:{port}/v1",
        " http://127.0.0.1:{port}/x",
        "http:127.0.0.1:{port}/x",
        "{base}/v1\x00/predictions",
        "{base}/v1/predictions\r\nHost: 127.0.0.1:{port}",
        "http://[::1/x",
        "/v1/predictions?x=\n",
        "x" * 100_000,
    ],
)
def test_a_next_page_is_asked_of_the_api_or_of_nobody(
    door: ReplicateModels, fake: Fake, canary: Server, link: str
) -> None:
    url = link.replace("{base}", fake.url).replace("{port}", str(canary.port))
    url = url.replace("{canary}", f"http://127.0.0.1:{canary.port}")
    page = {"results": [{"id": "x"}], "next": url}
    fake.instead("GET", Reply(200, json.dumps(page).encode()))
    with contextlib.suppress(Throttled):
        assert door.find(FLUX, {"prompt": "x"}, lately()) == []
    assert canary.connections == 0


# ---- collecting


def test_a_text_comes_as_one_and_counts_its_tokens(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    inputs = {"prompt": "a cup", "max_tokens": 40}
    by_token = load_model("meta/meta-llama-3.1-405b-instruct")
    for spec, units in ((LLAMA, 1), (by_token, 41 + 1)):
        order_id = order(door, spec, **inputs)
        got = collect(door, order_id, tmp_path, spec, inputs=inputs)
        assert got.text
        assert got.file is None
        assert got.quantity == units
        assert got.metadata == {"prediction_id": order_id}
        assert got.seconds > 0


@pytest.mark.parametrize("spec", [FLUX, SCHNELL, SDXL])
def test_a_picture_comes_with_its_size_and_its_price(
    door: ReplicateModels, fake: Fake, tmp_path: Path, spec: ModelSpec
) -> None:
    inputs = {**PICTURE, "width": 1024, "height": 576, "view": "side"}
    order_id = order(door, spec, **inputs)
    got = collect(door, order_id, tmp_path, spec, inputs=inputs)
    kind = {"image/jpeg": "output.jpg", "image/png": "output.png"}[got.content_type]
    assert got.file == tmp_path / kind
    assert got.metadata["width"] > got.metadata["height"] > 200
    assert (got.metadata["view"], got.metadata["prediction_id"]) == ("side", order_id)
    hardware = spec.unit == "hardware-second"
    assert got.quantity is not None
    assert (0 < got.quantity < 1) if hardware else (got.quantity == 1)
    # It may be fetched again, while the service still has it.
    assert collect(door, order_id, tmp_path, spec, inputs=inputs) == got


def test_a_clip_comes_from_a_picture(door: ReplicateModels, fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "in.jpg").write_bytes(photo())
    inputs = {"motion_bucket_id": 90, "fps": 8, "seed": 7}
    wire = door.prepare(SVD, inputs, {"image": tmp_path / "in.jpg"})
    order_id = door.order(SVD, wire, "key")
    got = collect(door, order_id, tmp_path, SVD, inputs=inputs)
    assert (got.file, got.content_type) == (tmp_path / "output.mp4", "video/mp4")
    assert got.quantity == 1


ENDS: dict[Fault, tuple[type[AdgenError], int, str]] = {
    Fault.INTERRUPTED: (errors.ProviderBusy, 0, "was interrupted"),
    Fault.DIRECTOR: (errors.ProviderBusy, 0, "was interrupted"),
    Fault.ABORTED: (errors.ProviderBusy, 0, "not charged"),
    Fault.UNKNOWN_E1000: (errors.BadModelOutput, 0, "failed (Prediction failed"),
    Fault.OUT_OF_MEMORY: (errors.ModelInputRefused, 0, "ran out of memory"),
    Fault.NSFW: (errors.ContentRefused, 0, "refused the content"),
    Fault.SENSITIVE_E005: (errors.ContentRefused, 0, "refused the content"),
    Fault.INPUT_INVALID_LATER: (errors.ModelInputRefused, 0, "could not be read"),
    Fault.CANCELED: (errors.ProviderError, 1, "was cancelled"),
    Fault.OUTPUT_NULL: (errors.BadModelOutput, 1, "without a usable result"),
    Fault.OUTPUT_WRONG_TYPE: (errors.BadModelOutput, 1, "without a usable result"),
    Fault.TIMED_OUT_SUCCESS: (errors.BadModelOutput, 1, "without a usable result"),
    Fault.DATA_REMOVED: (errors.ResultLost, 1, "removed after an hour"),
    Fault.EXPIRED: (errors.ResultLost, 1, "no longer available"),
    Fault.HTML_OUTPUT: (errors.BadModelOutput, 1, "not a picture"),
    Fault.TRUNCATED: (errors.BadModelOutput, 1, "incomplete"),
}


@pytest.mark.parametrize("fault", ENDS)
def test_how_it_ended_decides_the_error_and_the_charge(
    door: ReplicateModels, fake: Fake, tmp_path: Path, fault: Fault
) -> None:
    error, charged, says = ENDS[fault]
    fake.script(fault, downloads=99)
    order_id = order(door)
    with pytest.raises(error) as caught:
        collect(door, order_id, tmp_path)
    assert caught.value.charged == charged
    assert caught.value.retryable == error.retryable
    assert says in caught.value.user_message
    words = caught.value.user_message
    assert not [w for w in ("http", "r8_", "PA)", "E8765", "delivery", order_id) if w in words]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.SLOW_DRIP, Fault.UNKNOWN_STATUS])
def test_what_passes_is_no_failure(
    door: ReplicateModels, fake: Fake, tmp_path: Path, fault: Fault
) -> None:
    fake.script(fault, seconds=0.3, downloads=2)
    assert collect(door, order(door), tmp_path).quantity == 1


def test_filtered_pictures_of_a_list_count_as_many_as_came(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    four = SCHNELL.model_copy(update={"fixed": {**SCHNELL.fixed, "num_outputs": 4}})
    fake.script(Fault.PARTIAL_LIST)
    got = collect(door, order(door, four), tmp_path, four)
    assert got.quantity == 3
    fake.script(Fault.PARTIAL_LIST, count=0)
    with pytest.raises(errors.BadModelOutput, match="without a usable result"):
        collect(door, order(door, four), tmp_path, four)


def test_of_several_pictures_those_that_came_count_and_of_one_no_half() -> None:
    mixed = {"status": "succeeded", "output": [None, "https://a.example/1", "", 7]}
    assert verdict.read_output(SCHNELL, mixed, {}) == ["https://a.example/1"]
    for spec in (FLUX, LLAMA):
        with pytest.raises(errors.BadModelOutput, match="without a usable result"):
            verdict.read_output(spec, mixed, {})


def test_garbage_and_trouble_in_between_are_asked_again(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    fake.script(Fault.GARBAGE_POLL, polls=8)
    order_id = order(door)
    fake.instead(
        "GET /v1/predictions/",
        problem(429, "resets in ~0.1s", retry_after=0.1),
        Reply(403, b"{}"),
        Reply(503, b"<html>"),
        Reply(reset=True),
        Reply(302, b"", headers={"location": "https://evil.example/"}),
        *(Reply(200, body) for body in (b"", b"[]", b"null", b"{}", b'{"status": null}')),
        *(Reply(200, body) for body in (b'{"status": ["x"]}', b'{"status": {"a": 1}}')),
        Reply(200, b'{"status": "succeeded"}', cut=9),
    )
    seen: list[Phase] = []
    got = collect(door, order_id, tmp_path, watch=Watch(phase=seen.append))
    assert got.quantity == 1


def test_it_is_told_when_it_begins_to_run(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    fake.script(Fault.LONG_START, seconds=0.4)
    fake.seconds["image"] = 0.4
    seen: list[Phase] = []
    collect(door, order(door), tmp_path, watch=Watch(phase=seen.append))
    assert seen == ["running"]


def test_a_token_that_fails_meanwhile_leaves_the_result_to_be_fetched(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    order_id = order(door)
    fake.instead("GET /v1/predictions/", Reply(401, b"{}"))
    with pytest.raises(ResultWaiting, match="administrator"):
        collect(door, order_id, tmp_path)
    assert collect(door, order_id, tmp_path).quantity == 1


def test_an_order_that_is_not_known_any_more_may_have_cost(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    with pytest.raises(errors.ResultLost, match="does not know this order") as caught:
        collect(door, "nothing000000000000000000", tmp_path)
    assert caught.value.charged is None


@pytest.mark.parametrize("status", [400, 403, 429, 500, 502, 503])
def test_a_service_out_of_reach_for_long_leaves_the_result_to_be_fetched(
    door: ReplicateModels,
    fake: Fake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(replicate, "UNREACHABLE_S", 0.2)
    order_id = order(door)
    fake.always("GET /v1/predictions/", status, b'{"retry_after": 0.1}')
    with pytest.raises(ResultWaiting, match="cannot be reached"):
        collect(door, order_id, tmp_path)
    # Nobody stopped it for that.
    assert fake.asked("POST") == 1
    fake.rules.clear()
    assert collect(door, order_id, tmp_path).quantity == 1


# ---- stopping


def quick(spec: ModelSpec, **limits: int) -> ModelSpec:
    return spec.model_copy(update=limits)


def test_who_waits_too_long_for_a_machine_is_stopped_at_no_cost(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    spec = quick(FLUX, queue_limit_s=1)
    fake.script(Fault.LONG_START, seconds=FOREVER)
    with pytest.raises(errors.ProviderBusy, match="waited for a machine") as caught:
        collect(door, order(door, spec), tmp_path, spec)
    assert caught.value.charged == 0
    assert (fake.active(), dict(fake.billed)) == (0, {})


@pytest.mark.parametrize(("spec", "units"), [(FLUX, Decimal(1)), (SDXL, None)])
def test_what_runs_too_long_is_stopped_and_charged(
    door: ReplicateModels, fake: Fake, tmp_path: Path, spec: ModelSpec, units: Decimal | None
) -> None:
    spec = quick(spec, run_limit_s=1)
    fake.seconds["image"], fake.starting_seconds = FOREVER, 0.1
    inputs = {**PICTURE, "width": 1024, "height": 576}
    with pytest.raises(errors.ProviderBusy, match=r"ran for .* was stopped") as caught:
        collect(door, order(door, spec, **inputs), tmp_path, spec, inputs=inputs)
    charged = caught.value.charged
    assert charged is not None
    # By the run, whole; by time, what it ran.
    assert charged == units if units else 0.5 < charged < 60
    assert fake.active() == 0
    assert fake.billed[spec.name] == 1


def test_waiting_for_a_machine_does_not_count_as_running(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    spec = quick(FLUX, run_limit_s=1)
    fake.script(Fault.LONG_START, seconds=1.6)
    assert collect(door, order(door, spec), tmp_path, spec).quantity == 1


def test_an_unknown_status_for_ever_is_stopped_as_running(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    spec = quick(FLUX, run_limit_s=1)
    fake.script(Fault.UNKNOWN_STATUS, seconds=FOREVER)
    with pytest.raises(errors.ProviderBusy, match="ran for") as caught:
        collect(door, order(door, spec), tmp_path, spec)
    assert caught.value.charged == 1
    assert fake.active() == 0


def test_what_succeeds_while_it_is_stopped_for_being_late_is_kept(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    def unreadable_until_stopped(request: Request) -> Reply | None:
        hide = request.method == "GET" and "/v1/predictions/" in request.path
        return Reply(502) if hide and not any("cancel" in r.path for r in fake.seen) else None

    spec = quick(FLUX, queue_limit_s=1)
    order_id = order(door, spec)
    fake.rules.append(unreadable_until_stopped)
    assert collect(door, order_id, tmp_path, spec).quantity == 1
    assert fake.asked(f"POST /v1/predictions/{order_id}/cancel") == 1


def stopping(looks: int = 0, after: Phase | None = None) -> Watch:
    """Stops after so many looks, or when that phase is told."""
    told = threading.Event()
    left = iter(range(looks))

    def cancelled() -> bool:
        return told.is_set() if after else next(left, None) is None

    return Watch(cancelled, lambda phase: told.set() if phase == after else None)


def test_stopped_before_it_ran_it_costs_nothing(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    fake.script(Fault.LONG_START, seconds=FOREVER)
    with pytest.raises(errors.Cancelled) as caught:
        collect(door, order(door), tmp_path, watch=stopping(looks=3))
    assert caught.value.charged == 0
    assert (fake.active(), dict(fake.billed)) == (0, {})
    assert fake.asked("GET") >= 3


def test_stopped_while_it_ran_it_is_charged(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    fake.seconds["image"], fake.starting_seconds = FOREVER, 0.0
    with pytest.raises(errors.Cancelled) as caught:
        collect(door, order(door), tmp_path, watch=stopping(after="running"))
    assert caught.value.charged == 1
    assert fake.active() == 0
    assert fake.billed[FLUX.name] == 1


def test_stopped_when_it_was_done_it_is_kept(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    order_id = order(door)
    fake.wait_idle()
    got = collect(door, order_id, tmp_path, watch=stopping())
    assert got.quantity == 1
    assert fake.billed[FLUX.name] == 1
    assert got.file is not None
    assert got.file.stat().st_size > 1000


def test_an_end_told_in_no_known_words_has_an_unknown_price(
    door: ReplicateModels, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicate, "STOP_WAIT_S", 0.2)
    order_id = order(door)
    fake.always("GET /v1/predictions/", 200, b'{"status": ["canceled"], "metrics": [1]}')
    with pytest.raises(errors.Cancelled) as caught:
        collect(door, order_id, tmp_path, watch=stopping())
    assert caught.value.charged is None


def test_stopped_when_it_had_failed_it_costs_nothing(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    for fault in (Fault.NSFW, Fault.ABORTED):
        fake.script(fault)
        order_id = order(door)
        fake.wait_idle()
        with pytest.raises(errors.Cancelled) as caught:
            collect(door, order_id, tmp_path, watch=stopping())
        assert caught.value.charged == 0


@pytest.mark.parametrize(
    "answer",
    [
        *(Reply(500, b"no"), Reply(404, b"{}"), Reply(422, b"[]"), Reply(429, b"{}")),
        *(Reply(200, b"null"), Reply(200, b"<html>"), Reply(reset=True)),
        Reply(200, b'{"id": "x", "status": "aborted"}'),
    ],
)
def test_an_end_that_is_not_confirmed_has_an_unknown_price(
    door: ReplicateModels,
    fake: Fake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Reply,
) -> None:
    monkeypatch.setattr(replicate, "STOP_WAIT_S", 0.2)
    fake.seconds["image"] = FOREVER
    order_id = order(door)
    fake.instead(f"POST /v1/predictions/{order_id}/cancel", answer)
    with pytest.raises(errors.Cancelled) as caught:
        collect(door, order_id, tmp_path, watch=stopping())
    assert caught.value.charged is None


# ---- files that go to the model


def test_a_small_file_travels_inside_the_order(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    data = photo()
    (tmp_path / "in.jpg").write_bytes(data)
    wire = door.prepare(FLUX, PICTURE, {"photo": tmp_path / "in.jpg"})
    head, _, body = str(wire["image_prompt"]).partition(",")
    assert (head, base64.b64decode(body)) == ("data:image/jpeg;base64", data)
    assert fake.seen == []
    # Found again by its very words.
    order_id = door.order(FLUX, wire, "key")
    assert door.find(FLUX, wire, lately()) == [order_id]


def test_a_large_file_is_uploaded_first(door: ReplicateModels, fake: Fake, tmp_path: Path) -> None:
    for size, uploads in ((INLINE_MAX, 0), (INLINE_MAX + 1, 1)):
        (tmp_path / "in.png").write_bytes(bytes(size))
        wire = door.prepare(FLUX, PICTURE, {"photo": tmp_path / "in.png"})
        assert len(fake._files) == uploads
        assert str(wire["image_prompt"]).startswith("http" if uploads else "data:image/png")
    [upload] = fake._files.values()
    assert (upload.name, upload.content_type) == ("in.png", "image/png")
    assert len(upload.data) == INLINE_MAX + 1
    assert wire["image_prompt"] == f"{fake.url}/v1/files/{upload.id}"


def test_a_clip_is_made_from_an_uploaded_picture(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    (tmp_path / "in.jpg").write_bytes(photo(640))
    inputs = {"motion_bucket_id": 90, "fps": 8, "seed": 7}
    wire = door.prepare(SVD, inputs, {"image": tmp_path / "in.jpg"})
    order_id = door.order(SVD, wire, "key")
    assert len(fake._files) == 1
    assert collect(door, order_id, tmp_path, SVD, inputs=inputs).quantity == 1


def test_only_files_that_the_model_takes_are_sent(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    (tmp_path / "in.jpg").write_bytes(bytes(INLINE_MAX + 1))
    files = {"photo": tmp_path / "in.jpg", "clip0": tmp_path / "missing.mp4"}
    assert "image_prompt" not in door.prepare(SCHNELL, PICTURE, files)
    assert fake.seen == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(500, b"{}"), Throttled),
        (Reply(502, b"<html>"), Throttled),
        (Reply(reset=True), Throttled),
        (Reply(201, b"{}"), Throttled),
        (Reply(201, b"[]"), Throttled),
        (Reply(201, b'{"urls": null}'), Throttled),
        (Reply(201, b"<html>"), Throttled),
        (problem(429, "resets in ~4s"), Throttled),
        (Reply(401, b"{}"), errors.AccountBlocked),
        (Reply(402, b"{}"), errors.AccountBlocked),
        (Reply(413, b"{}"), errors.ModelInputRefused),
        (Reply(422, b"{}"), errors.ModelInputRefused),
    ],
)
def test_an_upload_that_fails_is_sent_again_or_says_why_not(
    door: ReplicateModels, fake: Fake, tmp_path: Path, answer: Reply, error: type[AdgenError]
) -> None:
    (tmp_path / "in.jpg").write_bytes(bytes(INLINE_MAX + 1))
    fake.instead("POST /v1/files", answer)
    files = {"photo": tmp_path / "in.jpg"}
    with pytest.raises(error) as caught:
        door.prepare(FLUX, PICTURE, files)
    assert type(caught.value) is error
    assert door.prepare(FLUX, PICTURE, files)["image_prompt"].startswith(f"{fake.url}/v1/files/")
    assert fake.asked("POST /v1/files") == 2


# ---- where results are fetched from, and what goes along


def tokens_sent_elsewhere(fake: Fake, *others: Server) -> int:
    """Requests with our token to anything but the API."""
    to_files = [r for r in fake.seen if not r.path.startswith("/v1/")]
    told = [str(dict(r.headers)) for r in to_files]
    told += [f"{path} {headers}" for other in others for path, headers in other.hits]
    return sum(TOKEN in one for one in told)


def test_results_are_fetched_without_the_token(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    for spec in (FLUX, SCHNELL):
        collect(door, order(door, spec), tmp_path, spec)
    fetched = [r for r in fake.seen if r.path.startswith("/delivery/")]
    assert [set(r.headers) for r in fetched] == [{"host", "user-agent", "accept-encoding"}] * 2
    assert tokens_sent_elsewhere(fake) == 0
    assert fake.tokens_seen_at_delivery == []


def test_a_host_that_is_not_allowed_is_not_asked_and_its_result_waits(
    door: ReplicateModels, doors: Doors, fake: Fake, canary: Server, tmp_path: Path
) -> None:
    with running() as allowed:
        target = f"http://127.0.0.1:{canary.port}/out.jpg"
        allowed.answers = [raw(reply(302, f"Location: {target}\r\nContent-Length: 0\r\n"))]
        careful = doors(ADGEN_OUTPUT_HOSTS=f"127.0.0.1:{allowed.port}")
        fake.script(Fault.OUTPUT_URL, url=target)
        straight = order(careful)
        with pytest.raises(ResultWaiting, match="ADGEN_OUTPUT_HOSTS"):
            collect(careful, straight, tmp_path)
        fake.script(Fault.OUTPUT_URL, url=f"http://127.0.0.1:{allowed.port}/a")
        with pytest.raises(errors.ResultLost, match="redirects are not followed") as caught:
            collect(careful, order(careful), tmp_path)
        assert caught.value.charged == 1
        assert (len(allowed.hits), canary.connections) == (1, 0)
        assert tokens_sent_elsewhere(fake, allowed) == 0
    # Once the host is allowed, what waited is there.
    out = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(out, "JPEG")
    canary.answers = [raw(reply(200, f"Content-Length: {len(out.getvalue())}\r\n", out.getvalue()))]
    trusting = doors(ADGEN_OUTPUT_HOSTS=f"127.0.0.1:{canary.port}")
    assert collect(trusting, straight, tmp_path).quantity == 1
    assert tokens_sent_elsewhere(fake, canary) == 0


def test_no_trick_of_an_address_gets_a_connection_or_the_token(
    doors: Doors, fake: Fake, canary: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if (host, port) != ("127.0.0.1", int(fake.host.rpartition(":")[2])):
            asked.append(host)
        return real("127.0.0.1", port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    fake.seconds["image"] = 0.01
    hosts = [f"{h}{port}" for h in ("replicate.delivery", "*.replicate.delivery")
             for port in ("", f":{canary.port}")]  # fmt: skip
    door = doors(ADGEN_OUTPUT_HOSTS=",".join(hosts))
    assert len(TRICKS) > 40
    for number, trick in enumerate(TRICKS):
        fake.script(Fault.OUTPUT_URL, url=trick.replace("{c}", str(canary.port)))
        with pytest.raises((errors.ResultLost, ResultWaiting)):
            collect(door, order(door, seed=number), tmp_path)
    assert (asked, canary.connections, list(tmp_path.iterdir())) == ([], 0, [])
    assert tokens_sent_elsewhere(fake, canary) == 0


def test_a_result_inside_the_answer_is_taken(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(out, "PNG")
    inside = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    fake.script(Fault.OUTPUT_URL, url=inside)
    got = collect(door, order(door), tmp_path)
    assert (got.content_type, got.metadata["width"]) == ("image/png", 640)
    assert got.quantity == 1


def test_a_busy_host_leaves_the_result_to_be_fetched_at_no_further_cost(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    order_id = order(door)
    fake.instead("GET /delivery/", *[Reply(503, b"busy")] * 3)
    with pytest.raises(ResultWaiting, match="stays to be fetched") as caught:
        collect(door, order_id, tmp_path)
    assert caught.value.charged == 0
    assert collect(door, order_id, tmp_path).quantity == 1
    assert len(fake.creations) == 1


def test_a_picture_that_cannot_be_used_is_paid_for_all_the_same(
    door: ReplicateModels, fake: Fake, tmp_path: Path
) -> None:
    tiny = io.BytesIO()
    Image.new("RGB", (8, 8)).save(tiny, "PNG")
    for data in (tiny.getvalue(), photo()[:2000]):
        inside = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        fake.script(Fault.OUTPUT_URL, url=inside)
        with pytest.raises(errors.BadModelOutput) as caught:
            collect(door, order(door), tmp_path)
        assert caught.value.charged == 1


# ---- looking around


def test_fields_that_the_live_model_does_not_know_are_named(
    door: ReplicateModels, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for spec in (LLAMA, FLUX, SDXL, SVD):
        assert door.unknown_fields(spec) == []
    for spec, missing in ((FLUX, "output_quality"), (SVD, "motion_bucket_id")):
        model = MODELS[spec.name]
        fields = {name: f for name, f in model.fields.items() if name != missing}
        monkeypatch.setitem(MODELS, spec.name, dataclasses.replace(model, fields=fields))
        assert door.unknown_fields(spec) == [missing]


def test_a_model_or_version_that_is_gone_is_told(door: ReplicateModels, fake: Fake) -> None:
    fake.gone.add(FLUX.name)
    other = SVD.model_copy(update={"ref": f"{SVD.name}:{'0' * 64}"})
    for spec in (FLUX, other):
        with pytest.raises(errors.ModelGone, match=spec.name):
            door.unknown_fields(spec)


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"null", b"7", b"{}", b'{"latest_version": null}', b"<html>"),
        b'{"latest_version": {"openapi_schema": []}}',
        b'{"latest_version": {"openapi_schema": {"components": {}}}}',
    ],
)
def test_a_schema_that_cannot_be_read_is_no_reason_to_break(
    door: ReplicateModels, fake: Fake, body: bytes
) -> None:
    fake.always("GET /v1/models/", 200, body)
    with contextlib.suppress(errors.ProviderBusy):
        assert door.unknown_fields(FLUX) == []


# ---- what a finished prediction means


def units(spec: ModelSpec, metrics: Any, inputs: Mapping[str, Any] | None = None) -> Decimal | None:
    return verdict.quantity(spec, {"metrics": metrics}, inputs or {}, outputs=2)


def priced(unit: str) -> ModelSpec:
    return FLUX.model_copy(update={"unit": unit})


@pytest.mark.parametrize(
    ("unit", "metrics", "expected"),
    [
        ("run", {}, 1),
        ("run", None, 1),
        ("image", {"image_count": 3}, 3),
        ("image", {"image_output_count": 4}, 4),
        ("image", {"image_count": "3"}, 3),
        ("image", {}, 2),
        ("image", {"image_count": -1}, 2),
        ("image", {"image_count": True}, 2),
        ("second", {"video_output_duration_seconds": 5.2}, "5.2"),
        ("second", {}, 6),
        ("hardware-second", {"predict_time": 3.25}, "3.25"),
        ("hardware-second", {"total_time": 9}, None),
        ("hardware-second", {"predict_time": float("nan")}, None),
        ("hardware-second", {"predict_time": float("inf")}, None),
        ("hardware-second", {"predict_time": "soon"}, None),
        ("token", {"input_token_count": 10, "output_token_count": 5}, 15),
        ("token", {"token_input_count": 10, "token_output_count": 5}, 15),
        ("token", {"output_token_count": 5}, 5),
        ("token", {"input_token_count": 10, "token_output_count": 0}, 10),
        ("token", {}, None),
        ("token", [1], None),
        ("hardware-second", "fast", None),
    ],
)
def test_units_are_read_under_their_older_and_newer_names(
    unit: str, metrics: Any, expected: object
) -> None:
    got = units(priced(unit), metrics, {"seconds": 6})
    assert got == (None if expected is None else Decimal(str(expected)))


def test_seconds_that_nobody_says_are_unknown_not_nothing() -> None:
    assert units(priced("second"), {}) is None


SECRETS = [
    "https://replicate.delivery/pbxt/x.png?sig=abc",
    "HTTPS://Replicate.Delivery/pbxt/x.png?sig=abc",
    "s3://bucket/abc",
    "r8_abcDEF123",
    "token=r8_abcDEF123",
    "_r8_abcDEF123",
    "Bearer r8_abcDEF123",
    "data:image/png;base64,abcDEF123==",
    "DATA:image/png;base64,abcDEF123==",
]


def test_a_suppliers_words_are_made_safe_to_show() -> None:
    for secret in SECRETS:
        told = verdict.plain(f"cannot read {secret} of you")
        assert not [w for w in ("abc", "bucket", "://", "elivery") if w in told], told
        assert told.startswith("cannot read")
        assert told.endswith("of you")
    assert verdict.plain("a\x00b\x1b[31mc\r\nd\u202ee\u200bf\tg\x7f") == "a b [31mc d e f g"
    assert verdict.plain("") == ""
    assert verdict.plain(" . ") == ""
    assert len(verdict.plain("word " * 5000)) <= 160


def test_no_random_words_get_through_unsafe() -> None:
    chance = random.Random(4)  # noqa: S311
    pieces = [*SECRETS, *"\x00\x1b\r\n\t\u202e\u200b\u2028 .,:/\\é中", "word", "x" * 200]
    for _ in range(2000):
        text = " ".join(chance.choice(pieces) for _ in range(chance.randint(0, 12)))
        told = verdict.plain(text)
        assert len(told) <= 160
        assert told.isprintable()
        assert not [w for w in ("abcDEF", "sig=", "://", "bucket") if w in told], told


def bodies() -> list[dict[str, Any]]:
    """Ended predictions of each kind, as the service words them."""
    base = {
        "id": "abc",
        "model": FLUX.name,
        "version": "hidden",
        "input": {"prompt": "a cup"},
        "logs": "",
        "data_removed": False,
        "created_at": "2026-11-24T10:00:00.0Z",
        "started_at": "2026-11-24T10:00:01.0Z",
        "completed_at": "2026-11-24T10:00:02.0Z",
        "metrics": {"predict_time": 1.5, "total_time": 2.5, "image_count": 1},
        "urls": {"get": "https://api.replicate.com/v1/predictions/abc"},
        "error": None,
    }
    url = "https://replicate.delivery/a/out-0.webp"
    good: list[dict[str, Any]] = [
        *({"output": url}, {"output": [url, url]}),
        {"output": ["{", '"a"', ""], "error": ""},
    ]
    failed = [{"error": text} for text in ("NSFW", "CUDA out of memory", "(code: PA)", "E1000")]
    return [
        *({**base, "status": "succeeded", **more} for more in good),
        *({**base, "status": "failed", "output": None, **more} for more in failed),
        {**base, "status": "canceled", "output": None},
        {**base, "status": "aborted", "output": None, "started_at": None, "metrics": {}},
    ]


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON value, mostly an awkward one."""
    kind = chance.randint(0, 11 if depth < 3 else 8)
    if kind < 9:
        return chance.choice(
            [
                *(None, True, False, 0, -1, 1, 10**30, 1e308, -0.5, float("nan"), float("inf")),
                *("", "x", "succeeded", "NaN", "1e999", "\x00\u202e", "https://a.example/x" * 50),
                *("0", "7.5", "failed", "data:,", "-3"),
            ]
        )
    if kind < 11:
        return [anything(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    keys = ["predict_time", "image_count", "status", "x", "output_token_count"]
    return {chance.choice(keys): anything(chance, depth + 1) for _ in range(chance.randint(0, 3))}


def mutated(chance: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """The body with one to four fields gone, other or new."""
    made = {**body, "metrics": dict(body["metrics"])}
    for _ in range(chance.randint(1, 4)):
        inner = made.get("metrics")
        target = inner if isinstance(inner, dict) and chance.random() < 0.3 else made
        name = chance.choice([*target, "output", "error", "metrics", "predict_time"])
        if chance.random() < 0.3:
            target.pop(name, None)
        else:
            target[name] = anything(chance)
    return made


def test_any_prediction_gives_our_errors_or_a_list_of_strings() -> None:
    specs = [LLAMA, FLUX, SCHNELL, SDXL, SVD, load_model("bytedance/seedance-1-lite")]
    specs.append(load_model("meta/meta-llama-3.1-405b-instruct"))
    kinds: dict[str, int] = {}
    for seed in range(2000):
        chance = random.Random(seed)  # noqa: S311
        body, spec = mutated(chance, chance.choice(bodies())), chance.choice(specs)
        said = ""
        try:
            got = verdict.read_output(spec, body, PICTURE)
        except AdgenError as error:
            told, charged, said = type(error).__name__, error.charged, error.user_message
        else:
            assert got
            assert all(type(piece) is str for piece in got)
            told, charged = "output", verdict.quantity(spec, body, PICTURE, len(got))
        assert said.isprintable()
        assert len(said) < 300
        assert "a.example" not in said
        assert charged is None or 0 <= charged <= 2 * 10**9
        stopped = verdict.cancelled_charge(spec, body, PICTURE)
        assert stopped is None or 0 <= stopped <= 2 * 10**9
        assert 0 <= replicate._seconds(body) < 10**9
        kinds[told] = kinds.get(told, 0) + 1
    # Every kind of end was among them.
    assert set(kinds) == {
        *("output", "ProviderBusy", "ContentRefused", "ModelInputRefused", "BadModelOutput"),
        *("ResultLost", "ProviderError"),
    }
