"""The fake Replicate behaves on the wire as the real one is known to, and counts right."""

from __future__ import annotations

import hashlib
import io
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import imageio_ffmpeg
import pytest
from PIL import Image
from replicate.client import Client
from replicate.exceptions import ReplicateError

from adgen.agents.prompt_parser import read_plan
from adgen.agents.reading import fill
from adgen.agents.scene_planner import read_scenes
from adgen.errors import BadModelOutput
from tests.replicate_server import Fault, ReplicateServer
from tests.replicate_server.predictions import ENDED
from tests.replicate_server.schemas import MODELS, Kind

FLUX = "black-forest-labs/flux-pro"
SCHNELL = "black-forest-labs/flux-schnell"
LLAMA = "meta/meta-llama-3.1-70b-instruct"
SVD = "christophy/stable-video-diffusion"
SVD_VERSION = "92a0c9a9cb1fd93ea0361d15e499dc879b35095077b2feed47315ccab4524036"
MUSIC_VERSION = "671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb"
# Clients read all of the machine's certificates otherwise, each time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
FAST = {"image": 0.06, "clip": 0.06, "text": 0.04, "audio": 0.04}
PRODUCT = "A blue glass bottle of lavender soap, calm and clean"


@pytest.fixture
def fake() -> Iterator[ReplicateServer]:
    with ReplicateServer(seconds=FAST) as server:
        yield server


def api_client(fake: ReplicateServer, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=f"{fake.url}/v1", headers=headers, verify=NO_TLS)


@pytest.fixture
def api(fake: ReplicateServer) -> Iterator[httpx.Client]:
    """The API with its token."""
    headers = {"authorization": f"Bearer {fake.token}"}
    with api_client(fake, headers) as client:
        yield client


@pytest.fixture
def official(fake: ReplicateServer) -> Iterator[Any]:
    """The vendor's own client."""
    client = Client(api_token=fake.token, base_url=fake.url)
    client.poll_interval = 0.02
    yield client
    client._client.close()


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    """A client without any token, as outputs are fetched."""
    with httpx.Client(verify=NO_TLS) as client:
        yield client


def order(api: httpx.Client, model: str = FLUX, **inputs: Any) -> httpx.Response:
    """Create by name, or by version for models that have one."""
    if MODELS[model].kind is not Kind.CLIP:
        inputs = {"prompt": "a bottle", **inputs}
    if version := next(iter(MODELS[model].versions), ""):
        return api.post("/predictions", json={"version": version, "input": inputs})
    return api.post(f"/models/{model}/predictions", json={"input": inputs})


def ended(api: httpx.Client, created: httpx.Response) -> dict[str, Any]:
    """The prediction once it has ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        prediction: dict[str, Any] = api.get(f"/predictions/{created.json()['id']}").json()
        if prediction["status"] in ENDED:
            return prediction
        time.sleep(0.01)
    raise TimeoutError(prediction["status"])


def made(api: httpx.Client, model: str = FLUX, **inputs: Any) -> dict[str, Any]:
    return ended(api, order(api, model, **inputs))


def upload(api: httpx.Client, data: bytes, name: str = "in.jpg") -> str:
    """An uploaded file's URL."""
    form = {"content": (name, data, "image/jpeg")}
    return str(api.post("/files", files=form).json()["urls"]["get"])


def jpeg(size: tuple[int, int] = (128, 72)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 120, 40)).save(out, "JPEG")
    return out.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as image:
        image.load()
        width, height = image.size
        return width, height


# The vendor's client


def test_client_creates_by_model_waits_and_reads_the_output(official: Any) -> None:
    prediction = official.models.predictions.create(FLUX, input={"prompt": "a cup"})
    assert (prediction.status, prediction.version, len(prediction.id)) == ("starting", "hidden", 26)
    prediction.wait()
    assert prediction.status == "succeeded"
    assert prediction.output.endswith("/out-0.webp")
    assert prediction.metrics["image_count"] == 1


@pytest.mark.parametrize("version", [SVD_VERSION, f"{SVD}:{SVD_VERSION}"])
def test_client_creates_by_version(official: Any, api: httpx.Client, version: str) -> None:
    inputs = {"input_image": upload(api, jpeg())}
    prediction = official.predictions.create(version=version, input=inputs)
    prediction.wait()
    assert (prediction.status, prediction.version) == ("succeeded", SVD_VERSION)
    assert prediction.model == SVD


def test_client_runs_and_cancels(official: Any, fake: ReplicateServer) -> None:
    fake.script(Fault.LONG_START)
    prediction = official.models.predictions.create(FLUX, input={"prompt": "a cup"})
    prediction.cancel()
    assert prediction.status == "canceled"
    assert official.predictions.get(prediction.id).started_at is None
    assert "".join(official.run(LLAMA, input={"prompt": "Say it"})).startswith("{")


def test_client_uploads_files(official: Any, web: httpx.Client, fake: ReplicateServer) -> None:
    file = official.files.create(io.BytesIO(jpeg()), filename="a.jpg", metadata={"ad": 1})
    assert file.checksums["sha256"] == hashlib.sha256(jpeg()).hexdigest()
    assert file.checksums["md5"] == hashlib.md5(jpeg(), usedforsecurity=False).hexdigest()
    assert (file.name, file.content_type, file.metadata) == ("a.jpg", "image/jpeg", {"ad": 1})
    assert [f.id for f in official.files.list()] == [file.id]
    assert web.get(fake.file_link(file.id)).content == jpeg()
    assert web.get(fake.file_link(file.id)[:-3]).status_code == 401
    assert official.files.delete(file.id)
    with pytest.raises(ReplicateError) as gone:
        official.files.get(file.id)
    assert (gone.value.status, gone.value.detail) == (404, "File not found")


def test_client_reads_models_and_versions(official: Any, fake: ReplicateServer) -> None:
    model = official.models.get("stability-ai/sdxl")
    schemas = model.latest_version.openapi_schema["components"]["schemas"]
    assert schemas["Output"]["items"] == {"type": "string", "format": "uri"}
    assert schemas["Input"]["properties"]["num_outputs"]["maximum"] == 4
    assert "K_EULER" in schemas["scheduler"]["enum"]
    assert model.versions.get(model.latest_version.id).id == model.latest_version.id
    fake.gone.add("stability-ai/sdxl")
    with pytest.raises(ReplicateError, match="404"):
        official.models.get("stability-ai/sdxl")
    assert official.accounts.current().type == "organization"


def test_client_pages_through_the_list(official: Any, api: httpx.Client) -> None:
    ids = [order(api).json()["id"] for _ in range(205)]
    first = official.predictions.list()
    second = official.predictions.list(first.next)
    third = official.predictions.list(second.next)
    assert [p.id for page in (first, second, third) for p in page] == ids[::-1]
    assert (first.previous, third.next) == (None, None)
    assert [p.id for p in official.predictions.list(third.previous)] == [p.id for p in second]


# What is on the wire


def test_prediction_holds_what_the_specification_requires(api: httpx.Client) -> None:
    created = order(api, seed=7)
    prediction = ended(api, created)
    required = {"id", "model", "version", "input", "output", "data_removed", "error", "status"}
    assert created.status_code == 201
    assert required | {"created_at", "urls"} <= created.json().keys()
    assert "started_at" not in created.json()
    assert prediction["input"] == {"prompt": "a bottle", "seed": 7}
    assert prediction["source"] == "api"
    assert prediction["error"] is None
    assert prediction["created_at"] < prediction["started_at"] < prediction["completed_at"]
    assert prediction["metrics"]["total_time"] == pytest.approx(FAST["image"])
    assert {"get", "cancel", "web"} == prediction["urls"].keys()


def test_text_is_a_list_of_tokens_with_an_empty_error(api: httpx.Client) -> None:
    prediction = made(api, LLAMA)
    assert all(isinstance(token, str) for token in prediction["output"])
    assert prediction["error"] == ""
    assert prediction["metrics"]["output_token_count"] == len(prediction["output"])


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer r8_other"}])
def test_api_wants_the_token(
    fake: ReplicateServer, web: httpx.Client, headers: dict[str, str]
) -> None:
    answer = web.get(f"{fake.url}/v1/account", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Unauthenticated"


@pytest.mark.parametrize(
    ("model", "inputs", "detail"),
    [
        (FLUX, {}, "- input.prompt: prompt is required\n"),
        (FLUX, {"prompt": "x", "view": "front"}, "property view is not allowed"),
        (FLUX, {"prompt": "x", "steps": 51}, "- input.steps: Must be less than or equal to 50"),
        (FLUX, {"prompt": "x", "guidance": 1}, "Must be greater than or equal to 2"),
        (FLUX, {"prompt": "x", "seed": "1"}, "Expected: integer, given: string"),
        (FLUX, {"prompt": "x", "seed": None}, "Expected: integer, given: null"),
        (FLUX, {"prompt": "x", "seed": True}, "Expected: integer, given: boolean"),
        (FLUX, {"prompt": "x", "image_prompt": "a.jpg"}, "Does not match format 'uri'"),
        (SCHNELL, {"prompt": "x", "aspect_ratio": "custom"}, 'the following: "1:1", "16:9"'),
        ("kwaivgi/kling-v2.1", {"prompt": "x", "duration": 7}, "start_image is required"),
    ],
)
def test_bad_inputs_are_refused_by_field(
    api: httpx.Client, fake: ReplicateServer, model: str, inputs: dict[str, Any], detail: str
) -> None:
    answer = api.post(f"/models/{model}/predictions", json={"input": inputs})
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert fake.creations == []


def test_bodies_hold_nothing_unknown(api: httpx.Client) -> None:
    body = {"input": {"prompt": "x"}, "version": SVD_VERSION}
    assert api.post(f"/models/{FLUX}/predictions", json=body).status_code == 422
    assert api.post(f"/models/{FLUX}/predictions", content=b"[1]").status_code == 400


@pytest.mark.parametrize(
    "version", ["0" * 64, f"acme/else:{SVD_VERSION}", SVD, "acme/else", f"{SVD}:{'0' * 64}"]
)
def test_unknown_versions_are_refused(api: httpx.Client, version: str) -> None:
    answer = api.post("/predictions", json={"version": version, "input": {}})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The specified version does not exist (or perhaps")


def test_official_models_run_by_name_in_either_place(api: httpx.Client) -> None:
    body = {"version": FLUX, "input": {"prompt": "x"}}
    assert api.post("/predictions", json=body).json()["version"] == "hidden"
    assert api.post(f"/models/{SVD}/predictions", json={"input": {}}).status_code == 404
    assert api.post("/models/acme/else/predictions", json={"input": {}}).status_code == 404


def test_gone_models_are_refused(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.gone |= {SVD, FLUX}
    assert order(api, SVD, input_image="data:,").status_code == 422
    assert order(api).status_code == 404
    assert fake.creations == []


def test_without_credit_nothing_is_created(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.credit = False
    answer = order(api)
    assert (answer.status_code, answer.json()["title"]) == (402, "Insufficient credit")
    assert fake.creations == []


def test_list_filters_by_creation(api: httpx.Client) -> None:
    ids, stamps = [], []
    for _ in range(3):
        created = order(api).json()
        ids.append(created["id"])
        stamps.append(created["created_at"])
    after = api.get("/predictions", params={"created_after": stamps[1]}).json()["results"]
    before = api.get(f"/predictions?created_before={stamps[1]}").json()["results"]
    offset = stamps[1].replace("Z", "0+00:00")
    assert [p["id"] for p in after] == [ids[2], ids[1]]
    assert [p["id"] for p in before] == [ids[0]]
    assert len(api.get(f"/predictions?created_after={offset}").json()["results"]) == 2
    assert api.get("/predictions?created_after=soon").status_code == 400


def test_prefer_wait_holds_the_answer(api: httpx.Client) -> None:
    body = {"input": {"prompt": "x"}}
    path = f"/models/{FLUX}/predictions"
    answer = api.post(path, json=body, headers={"prefer": "wait=5"})
    assert answer.json()["status"] == "succeeded"
    assert answer.headers["preference-applied"] == "wait=5"


def test_cancel_after_aborts_what_waits_and_cancels_what_runs() -> None:
    headers = {"authorization": "Bearer r8_test", "cancel-after": "1s"}
    with (
        ReplicateServer(seconds={"image": 1.4}) as fake,
        api_client(fake, headers) as api,
    ):
        assert order(api).status_code == 422
        fake.shortest_cancel_after = 1
        fake.script(Fault.LONG_START, times=1)
        orders = [order(api), order(api)]
        assert [ended(api, o)["status"] for o in orders] == ["aborted", "canceled"]
        assert orders[0].json()["deadline"] > orders[0].json()["created_at"]
        assert fake.billed == {FLUX: 1}


def test_large_files_are_refused(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.max_file_bytes = 1000
    answer = api.post("/files", files={"content": ("a.bin", b"x" * 1000)})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "Files must be less than 100MB in size"
    assert api.post("/files", data={"else": "x"}).status_code == 422


def test_chunked_bodies_are_read(api: httpx.Client) -> None:
    pieces = (bytes([byte]) for byte in b'{"input": {"prompt": "x"}}')
    assert api.post(f"/models/{FLUX}/predictions", content=pieces).status_code == 201


# Outputs


@pytest.mark.parametrize(
    ("inputs", "size", "kind"),
    [
        ({"aspect_ratio": "16:9", "output_format": "jpg"}, (1344, 768), "image/jpeg"),
        ({"aspect_ratio": "9:16", "output_format": "png"}, (768, 1344), "image/png"),
        ({"aspect_ratio": "custom", "width": 512, "height": 256}, (512, 256), "image/webp"),
    ],
)
def test_pictures_have_the_asked_shape_and_bytes_of_their_own(
    api: httpx.Client, web: httpx.Client, inputs: dict[str, Any], size: tuple[int, int], kind: str
) -> None:
    urls = [made(api, **inputs)["output"] for _ in range(2)]
    answers = [web.get(url) for url in urls]
    assert [size_of(answer.content) for answer in answers] == [size, size]
    assert {answer.headers["content-type"] for answer in answers} == {kind}
    assert answers[0].content != answers[1].content
    assert web.get(urls[0]).content == answers[0].content


def test_views_look_different(api: httpx.Client, web: httpx.Client) -> None:
    prompts = ("front view of", "exact side profile of", "close-up detail of", "from above,")
    sizes = {len(web.get(made(api, prompt=f"{p} a red cup")["output"]).content) for p in prompts}
    assert len(sizes) == len(prompts)


def test_lists_have_as_many_pictures_as_asked(
    api: httpx.Client, web: httpx.Client, fake: ReplicateServer
) -> None:
    urls = made(api, SCHNELL, num_outputs=3)["output"]
    assert len({web.get(url).content for url in urls}) == 3
    assert fake.billed == {SCHNELL: 3}
    assert web.get(urls[0].replace("out-0", "out-1")).status_code == 404


@pytest.mark.parametrize(
    ("model", "field", "inputs", "frames", "fps"),
    [
        (SVD, "input_image", {"frames_per_second": 7}, 14, 7),
        (SVD, "input_image", {"video_length": "25_frames_with_svd_xt"}, 25, 6),
        ("wan-video/wan-2.2-i2v-fast", "image", {"prompt": "x"}, 81, 16),
        ("bytedance/seedance-1-lite", "image", {"prompt": "x", "duration": 2}, 48, 24),
    ],
)
def test_clips_have_the_frames_of_their_model(
    api: httpx.Client,
    web: httpx.Client,
    tmp_path: Path,
    model: str,
    field: str,
    inputs: dict[str, Any],
    frames: int,
    fps: int,
) -> None:
    source = upload(api, jpeg((1344, 768)))
    answer = web.get(made(api, model, **{field: source}, **inputs)["output"])
    (tmp_path / "clip.mp4").write_bytes(answer.content)
    counted, seconds = imageio_ffmpeg.count_frames_and_secs(tmp_path / "clip.mp4")
    assert (counted, seconds) == (frames, pytest.approx(frames / fps, abs=0.02))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"


def test_clips_follow_the_shape_of_their_picture(
    api: httpx.Client, web: httpx.Client, tmp_path: Path
) -> None:
    tall = made(api, SVD, input_image=upload(api, jpeg((768, 1344))))
    again = made(api, SVD, input_image=upload(api, jpeg((768, 1344))))
    clips = [web.get(p["output"]).content for p in (tall, again)]
    (tmp_path / "clip.mp4").write_bytes(clips[0])
    reader = imageio_ffmpeg.read_frames(tmp_path / "clip.mp4")
    assert next(reader)["size"] == (576, 1024)
    reader.close()
    assert clips[0] != clips[1]


@pytest.mark.parametrize(("ending", "start"), [("wav", b"RIFF"), ("mp3", b"ID3")])
def test_music_is_a_tone(
    api: httpx.Client, web: httpx.Client, tmp_path: Path, ending: str, start: bytes
) -> None:
    inputs = {"prompt": "calm", "duration": 2, "output_format": ending}
    created = api.post("/predictions", json={"version": MUSIC_VERSION, "input": inputs})
    sound = web.get(ended(api, created)["output"]).content
    (tmp_path / "sound").write_bytes(sound)
    decode = ("-v", "error", "-i", tmp_path / "sound", "-ar", "8000", "-f", "u8", "-")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *decode]
    decoded = subprocess.run(command, capture_output=True, check=True).stdout
    assert sound.startswith(start)
    assert len(decoded) / 8000 == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    "source",
    [
        "https://elsewhere.example/a.jpg",
        "data:image/png;base64,bm90IGEgcGljdHVyZQ==",
        "data:image/png;base64,%%%",
        "FILE/v1/files/unknown",
    ],
)
def test_a_prediction_whose_picture_cannot_be_read_fails(
    api: httpx.Client, fake: ReplicateServer, source: str
) -> None:
    prediction = made(api, SVD, input_image=source.replace("FILE", fake.url))
    assert prediction["status"] == "failed"
    assert "input_image could not be read" in prediction["error"]
    assert fake.billed == {}


def test_earlier_outputs_and_data_uris_serve_as_pictures(api: httpx.Client) -> None:
    picture = made(api)["output"]
    assert made(api, SVD, input_image=picture)["status"] == "succeeded"
    small = "data:image/jpeg;base64,/9j/4AAQSkZJRg=="
    assert made(api, SVD, input_image=small)["status"] == "succeeded"


def test_outputs_go_after_their_time(web: httpx.Client) -> None:
    with (
        ReplicateServer(seconds=FAST, ttl=0.5) as fake,
        api_client(fake, {"authorization": "Bearer r8_test"}) as api,
    ):
        created = order(api)
        url = ended(api, created)["output"]
        assert web.get(url).status_code == 200
        time.sleep(0.55)
        prediction = ended(api, created)
        assert (prediction["status"], prediction["output"]) == ("succeeded", None)
        assert prediction["data_removed"]
        assert web.get(url).status_code == 404


def test_tokens_at_delivery_are_noted(
    api: httpx.Client, web: httpx.Client, fake: ReplicateServer
) -> None:
    url = made(api)["output"]
    web.get(url)
    assert fake.tokens_seen_at_delivery == []
    api.get(url)
    assert fake.tokens_seen_at_delivery == ["Bearer r8_test"]


# The language model's words


def brief(api: httpx.Client, **inputs: Any) -> str:
    asked = fill("prompt_parser", product_prompt=PRODUCT, photo_note="")
    return "".join(made(api, LLAMA, prompt=asked, max_tokens=2048, **inputs)["output"])


def storyboard(api: httpx.Client) -> str:
    views = "1. front, 2. side, 3. top"
    asked = fill("scene_planner", product=PRODUCT, views=views, video_prompt="slowly")
    return "".join(made(api, LLAMA, prompt=asked, max_tokens=2048)["output"])


def test_llama_answers_our_prompts(api: httpx.Client) -> None:
    plan = read_plan(brief(api))
    scenes = read_scenes(storyboard(api), 3)
    assert len({p.prompt for p in plan.prompts}) == 6
    assert all(PRODUCT in p.prompt for p in plan.prompts)
    assert all(0.3 <= s.motion_intensity <= 0.8 and s.duration_seconds == 3 for s in scenes)


def test_llama_stops_at_max_tokens(api: httpx.Client) -> None:
    asked = fill("prompt_parser", product_prompt=PRODUCT, photo_note="")
    prediction = made(api, LLAMA, prompt=asked, max_tokens=50)
    assert prediction["metrics"]["output_token_count"] == 51
    with pytest.raises(BadModelOutput):
        read_plan("".join(prediction["output"]))


@pytest.mark.parametrize(
    "fault", [Fault.LLM_PROSE, Fault.LLM_TRUNCATED, Fault.LLM_FIVE, Fault.LLM_SEVEN]
)
def test_llama_can_answer_wrongly_and_repair(
    api: httpx.Client, fake: ReplicateServer, fault: Fault
) -> None:
    fake.script(fault, model="llama")
    wrong = brief(api)
    raw = wrong[wrong.find("{") :]
    count = len(json.loads(raw)["prompts"]) if fault in (Fault.LLM_FIVE, Fault.LLM_SEVEN) else 0
    assert count == {Fault.LLM_FIVE: 5, Fault.LLM_SEVEN: 7}.get(fault, 0)
    asked = fill("prompt_parser", product_prompt=PRODUCT, photo_note="")
    repair = f"{asked}\nYour answer could not be used. It was:\n---\n{wrong}\n---\nAgain, please."
    answer = "".join(made(api, LLAMA, prompt=repair, max_tokens=2048)["output"])
    assert PRODUCT in read_plan(answer).prompts[0].prompt


def test_llama_can_fence_its_answer(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.LLM_FENCE)
    answer = brief(api)
    assert "```json" in answer
    assert len(read_plan(answer).prompts) == 6


# Faults at create


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault.THROTTLED, 429, "resets in ~1s."),
        (Fault.THROTTLED_LOW_CREDIT, 429, "less than $5.0 in credit"),
        (Fault.NO_CREDIT, 402, "insufficient credit"),
        (Fault.BAD_TOKEN, 401, "valid authentication token"),
        (Fault.MODEL_GONE, 404, "could not be found"),
        (Fault.BAD_INPUT, 422, "- input.prompt: prompt is required"),
        (Fault.ERROR_500, 500, "Internal server error"),
        (Fault.HTML_502, 502, "<html>"),
    ],
)
def test_refusals_create_nothing(
    api: httpx.Client, fake: ReplicateServer, fault: Fault, status: int, words: str
) -> None:
    fake.script(fault)
    refused, fine = order(api), order(api)
    assert (refused.status_code, fine.status_code) == (status, 201)
    assert words in refused.text
    assert len(fake.creations) == 1
    assert [r[2] for r in fake.requests] == [status, 201]


def test_throttling_says_how_long(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.THROTTLED, seconds=30)
    fake.script(Fault.THROTTLED_LOW_CREDIT)
    assert order(api).json() == {"detail": "Request was throttled. Your rate limit resets in ~30s."}
    assert order(api).json()["retry_after"] == 5


@pytest.mark.parametrize(("fault", "created"), [(Fault.RESET_BEFORE, 0), (Fault.RESET_AFTER, 1)])
def test_resets_lose_the_answer(
    api: httpx.Client, fake: ReplicateServer, fault: Fault, created: int
) -> None:
    fake.script(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        order(api)
    found = api.get("/predictions").json()["results"]
    assert len(fake.creations) == len(found) == created
    assert [c.id for c in fake.creations] == [p["id"] for p in found]


def test_slow_and_garbled_answers_create_all_the_same(
    api: httpx.Client, fake: ReplicateServer
) -> None:
    fake.script(Fault.SLOW_ANSWER, seconds=0.3)
    fake.script(Fault.GARBAGE_ANSWER)
    began = time.monotonic()
    assert order(api).json()["status"] == "succeeded"
    assert time.monotonic() - began > 0.3
    garbled = order(api)
    assert garbled.status_code == 201
    with pytest.raises(ValueError, match="Expecting value"):
        garbled.json()
    assert len(fake.creations) == 2


def test_a_lost_creation_may_be_listed_late(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.RESET_AFTER, hidden=0.6)
    fake.script(Fault.HIDDEN_FROM_LIST, seconds=0.6)
    with pytest.raises(httpx.RemoteProtocolError):
        order(api)
    created = order(api).json()
    assert api.get("/predictions").json()["results"] == []
    assert api.get(f"/predictions/{created['id']}").status_code == 200
    time.sleep(0.62)
    assert len(api.get("/predictions").json()["results"]) == 2


# Faults later


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.INTERRUPTED, "Prediction interrupted; please retry (code: PA)"),
        (Fault.DIRECTOR, "Director: unexpected error handling prediction (E8765)"),
        (Fault.UNKNOWN_E1000, "E1000"),
        (Fault.OUT_OF_MEMORY, "CUDA out of memory"),
        (Fault.NSFW, "NSFW content detected. Try running it again, or try a different prompt."),
        (Fault.SENSITIVE_E005, "(E005)"),
        (Fault.INPUT_INVALID_LATER, "Input validation error"),
    ],
)
def test_failures_have_their_words_and_cost_nothing(
    api: httpx.Client, fake: ReplicateServer, fault: Fault, error: str
) -> None:
    fake.script(fault)
    prediction = made(api)
    assert (prediction["status"], prediction["output"]) == ("failed", None)
    assert error in prediction["error"]
    assert prediction["metrics"]["predict_time"] > 0
    assert fake.billed == {}


def test_aborted_never_began_and_canceled_is_billed(
    api: httpx.Client, fake: ReplicateServer
) -> None:
    fake.script(Fault.ABORTED)
    aborted = made(api)
    assert (aborted["status"], "started_at" in aborted) == ("aborted", False)
    assert fake.billed == {}
    fake.script(Fault.CANCELED)
    canceled = made(api)
    assert (canceled["status"], "started_at" in canceled) == ("canceled", True)
    assert fake.billed == {FLUX: 1}


@pytest.mark.parametrize(
    ("fault", "options", "output", "error"),
    [
        (Fault.OUTPUT_NULL, {}, None, None),
        (Fault.OUTPUT_WRONG_TYPE, {}, {"unexpected": [1, 2, 3]}, None),
        (Fault.OUTPUT_WRONG_TYPE, {"value": 42}, 42, None),
        (Fault.OUTPUT_URL, {"url": "file:///etc/passwd"}, "file:///etc/passwd", None),
        (Fault.TIMED_OUT_SUCCESS, {}, None, "Prediction timed out"),
        (Fault.DATA_REMOVED, {}, None, None),
    ],
)
def test_successes_can_be_hollow(
    api: httpx.Client,
    fake: ReplicateServer,
    fault: Fault,
    options: dict[str, Any],
    output: Any,
    error: str | None,
) -> None:
    fake.script(fault, **options)
    prediction = made(api)
    assert (prediction["status"], prediction["output"]) == ("succeeded", output)
    assert prediction["error"] == error
    assert prediction["data_removed"] is (fault is Fault.DATA_REMOVED)


def test_lists_can_be_partial(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.PARTIAL_LIST)
    fake.script(Fault.PARTIAL_LIST, count=1)
    assert len(made(api)["output"]) > 1  # a model of one output passes the fault by
    assert len(made(api, SCHNELL, num_outputs=4)["output"]) == 3
    assert len(made(api, SCHNELL, num_outputs=4)["output"]) == 1
    assert fake.billed == {FLUX: 1, SCHNELL: 4}


def test_starting_can_last(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.LONG_START, seconds=0.6)
    created = order(api)
    time.sleep(0.1)
    assert api.get(f"/predictions/{created.json()['id']}").json()["status"] == "starting"
    prediction = ended(api, created)
    assert prediction["status"] == "succeeded"
    assert prediction["metrics"]["total_time"] == pytest.approx(0.6 + 0.85 * FAST["image"])


def test_a_status_can_be_unknown(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.UNKNOWN_STATUS, seconds=0.2)
    created = order(api)
    seen: list[str] = []
    while not seen or seen[-1] != "succeeded":
        seen.append(api.get(f"/predictions/{created.json()['id']}").json()["status"])
        time.sleep(0.01)
    assert "paused_by_alien" in seen


def test_polls_can_be_garbage(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.GARBAGE_POLL)
    created = order(api)
    polls = [api.get(f"/predictions/{created.json()['id']}") for _ in range(5)]
    assert [p.status_code for p in polls] == [200, 200, 500, 502, 200]
    assert isinstance(polls[0].json(), list)
    assert polls[4].json()["id"] == created.json()["id"]


def test_canceling_counts_from_the_start_and_never_changes_an_end(
    api: httpx.Client, fake: ReplicateServer
) -> None:
    fake.seconds["image"] = 2
    running = order(api).json()
    time.sleep(0.35)
    canceled = api.post(f"/predictions/{running['id']}/cancel").json()
    assert canceled["status"] == "canceled"
    assert fake.billed == {FLUX: 1}
    waiting = order(api).json()
    assert api.post(f"/predictions/{waiting['id']}/cancel").json()["status"] == "canceled"
    assert fake.billed == {FLUX: 1}
    fake.seconds["image"] = 0.02
    done = made(api)
    after = api.post(f"/predictions/{done['id']}/cancel")
    assert (after.status_code, after.json()) == (200, done)
    assert api.post("/predictions/unknown/cancel").status_code == 404


# Faults at delivery


def test_downloads_can_be_short_and_then_whole(
    api: httpx.Client, web: httpx.Client, fake: ReplicateServer
) -> None:
    fake.script(Fault.TRUNCATED, times=2)
    fake.script(Fault.TRUNCATED, downloads=99)
    assert made(api, LLAMA)["status"] == "succeeded"  # text passes the fault by
    for _ in range(2):
        url = made(api)["output"]
        with pytest.raises(httpx.RemoteProtocolError):
            web.get(url)
        assert size_of(web.get(url).content) == (1024, 1024)
    never = made(api)["output"]
    for _ in range(3):
        with pytest.raises(httpx.RemoteProtocolError):
            web.get(never)


@pytest.mark.parametrize(
    ("fault", "status", "kind", "start"),
    [
        (Fault.HTML_OUTPUT, 200, "text/html", b"<!doctype html>"),
        (Fault.EXPIRED, 404, "text/plain", b"Not Found"),
        (Fault.PLAYLIST, 200, "video/mp4", b"#EXTM3U"),
    ],
)
def test_downloads_can_be_something_else(
    api: httpx.Client,
    web: httpx.Client,
    fake: ReplicateServer,
    fault: Fault,
    status: int,
    kind: str,
    start: bytes,
) -> None:
    fake.script(fault)
    url = made(api, SVD, input_image=upload(api, jpeg()))["output"]
    answer = web.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert answer.content.startswith(start)


def test_downloads_can_drip(api: httpx.Client, web: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.SLOW_DRIP, seconds=0.4)
    url = made(api, aspect_ratio="1:1")["output"]
    began = time.monotonic()
    dripped = web.get(url).content
    assert time.monotonic() - began > 0.35
    assert dripped == web.get(url).content


# Choosing and counting


def test_scripts_match_model_and_prompt_in_turn(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.script(Fault.ERROR_500, model="schnell")
    fake.script(Fault.HTML_502, prompt="red", times=2)
    statuses = [
        order(api, FLUX, prompt="blue").status_code,
        order(api, FLUX, prompt="a red cup").status_code,
        order(api, SCHNELL, prompt="a red cup").status_code,
        order(api, SCHNELL, prompt="a red cup").status_code,
        order(api, SCHNELL, prompt="a red cup").status_code,
    ]
    assert statuses == [201, 502, 500, 502, 201]


def test_the_mix_keeps_its_odds(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.mix(throttle=0.3, interrupted=0.2, reset=0.2, truncated=0, aborted=0.1, seed=5)
    throttled = lost = 0
    for _ in range(400):
        try:
            throttled += order(api).status_code == 429
        except httpx.RemoteProtocolError:
            lost += 1
    fake.calm()
    fake.wait_idle()
    assert throttled == pytest.approx(120, abs=30)
    assert lost == pytest.approx(80, abs=25)
    before = 400 - throttled - len(fake.creations)
    assert before == pytest.approx(lost / 2, abs=15)
    failed = len(fake.creations) - int(fake.billed[FLUX])
    assert failed == pytest.approx(120, abs=30)
    assert order(api).status_code == 201


def test_a_burst_from_many_threads_is_counted_right(fake: ReplicateServer) -> None:
    fake.seconds["image"] = 0.3
    with api_client(fake, {"authorization": "Bearer r8_test"}) as api:

        def one(number: int) -> str:
            created = order(api, prompt=f"picture {number}")
            time.sleep(0.3)
            return str(ended(api, created)["status"])

        with ThreadPoolExecutor(32) as pool:
            states = list(pool.map(one, range(300)))
    assert states == ["succeeded"] * 300
    assert {c.input["prompt"] for c in fake.creations} == {f"picture {n}" for n in range(300)}
    assert len({c.id for c in fake.creations}) == 300
    assert fake.billed == {FLUX: Decimal(300)}
    assert (fake.active(), fake.active(FLUX)) == (0, 0)
    assert 8 < fake.peak(FLUX) <= 32
    assert fake.peak("llama") == 0


def test_active_counts_what_waits_or_runs(api: httpx.Client, fake: ReplicateServer) -> None:
    fake.seconds["image"] = 0.6
    for _ in range(3):
        order(api)
    order(api, SCHNELL)
    assert (fake.active(FLUX), fake.active(), fake.peak(SCHNELL)) == (3, 4, 1)
    fake.wait_idle()
    assert (fake.active(), fake.peak()) == (0, 4)


def test_the_environment_leads_here(fake: ReplicateServer) -> None:
    host = fake.url.removeprefix("http://")
    assert fake.env == {
        "REPLICATE_API_TOKEN": "r8_test",
        "REPLICATE_BASE_URL": fake.url,
        "ADGEN_OUTPUT_HOSTS": host,
        "ADGEN_PROVIDER": "replicate",
    }


def test_creations_tell_what_was_sent(api: httpx.Client, fake: ReplicateServer) -> None:
    created = order(api, seed=3).json()
    [creation] = fake.creations
    assert (creation.id, creation.model, creation.version) == (created["id"], FLUX, "hidden")
    assert creation.input == {"prompt": "a bottle", "seed": 3}
    assert time.monotonic() - creation.at < timedelta(seconds=5).total_seconds()
    assert creation.headers["authorization"] == "Bearer r8_test"
