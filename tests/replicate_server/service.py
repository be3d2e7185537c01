"""What the fake answers: its routes, and what they create, list, keep and deliver."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from tests.replicate_server import media, words
from tests.replicate_server.delivery import output_bytes, reply_for, spoiling
from tests.replicate_server.faults import Chosen, Fault, Faults
from tests.replicate_server.files import OWNER, BadForm, Signer, Upload, read_upload
from tests.replicate_server.predictions import (
    Creation,
    Prediction,
    apply,
    keep_deadline,
    new_id,
)
from tests.replicate_server.problems import (
    GARBAGE,
    REFUSALS,
    Refused,
    bad_input,
    no_credit,
    no_version,
    not_found,
    unauthenticated,
)
from tests.replicate_server.reading import (
    BODY_FIELDS,
    cancel_after,
    moment,
    page_of,
    prefer_wait,
    read_body,
    read_cursor,
)
from tests.replicate_server.schemas import (
    BY_VERSION,
    MODELS,
    Kind,
    Model,
    input_errors,
    version_json,
)
from tests.replicate_server.wire import Reply, Request

SECONDS = {"text": 0.1, "image": 0.3, "clip": 0.5, "audio": 0.3}
MAX_FILE_BYTES = 100_000_000


class Service:
    """Answers requests; `handle` is called in one thread only."""

    def __init__(
        self,
        *,
        seconds: Mapping[str, float] | None,
        token: str,
        starting: float,
        starting_seconds: float | None,
        ttl: float,
    ) -> None:
        self.url = ""
        self.seconds = {**SECONDS, **(seconds or {})}
        self.token = token
        self.starting = starting
        self.starting_seconds = starting_seconds
        self.ttl = ttl
        self.credit = True
        self.gone: set[str] = set()
        self.shortest_cancel_after = 5.0
        self.max_file_bytes = MAX_FILE_BYTES
        self.creations: list[Creation] = []
        self.requests: list[tuple[str, str, int]] = []
        self.tokens_seen_at_delivery: list[str] = []
        self._faults = Faults()
        self._signer = Signer()
        self._predictions: dict[str, Prediction] = {}
        self._files: dict[str, Upload] = {}

    def handle(self, request: Request) -> Reply:
        """The answer, noted in `requests`; a reset counts as status 0."""
        try:
            reply = self._route(request)
        except Refused as refusal:
            reply = refusal.reply
        status = 0 if reply.reset else reply.status
        self.requests.append((request.method, request.path, status))
        return reply

    def _route(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if parts[0] == "delivery" and len(parts) == 4:
            return self._deliver(request, parts[1], parts[2], parts[3])
        if parts[:2] == ["v1", "files"] and parts[3:] == ["download"]:
            return self._download(request, parts[2])
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise unauthenticated()
        match (request.method, *parts):
            case ("POST", "v1", "predictions"):
                return self._create_by_version(request)
            case ("GET", "v1", "predictions"):
                return self._list(request)
            case ("GET", "v1", "predictions", prediction_id):
                return self._get(prediction_id)
            case ("POST", "v1", "predictions", prediction_id, "cancel"):
                return self._cancel(prediction_id)
            case ("POST", "v1", "models", owner, name, "predictions"):
                return self._create_by_model(request, f"{owner}/{name}")
            case _:
                return self._other_route(request, parts)

    def _other_route(self, request: Request, parts: list[str]) -> Reply:
        match (request.method, *parts):
            case ("POST", "v1", "files"):
                return self._upload(request)
            case ("GET", "v1", "files"):
                newest = reversed(list(self._files.values()))
                results = [upload.as_json(self.url) for upload in newest]
                return _json({"previous": None, "next": None, "results": results})
            case ("GET", "v1", "files", file_id):
                return _json(self._file(file_id).as_json(self.url))
            case ("DELETE", "v1", "files", file_id):
                del self._files[self._file(file_id).id]
                return Reply(HTTPStatus.NO_CONTENT)
            case ("GET", "v1", "models", owner, name):
                return _json(self._model_json(self._model(f"{owner}/{name}")))
            case ("GET", "v1", "models", owner, name, "versions", version):
                model = self._model(f"{owner}/{name}")
                if version not in (model.latest, *model.versions):
                    raise not_found()
                return _json(version_json(model, version))
            case ("GET", "v1", "account"):
                return _json(
                    {
                        "type": "organization",
                        "username": OWNER,
                        "name": "adgen's tests",
                        "github_url": f"https://github.com/{OWNER}",
                    }
                )
            case _:
                raise not_found()

    # Creating

    def _create_by_model(self, request: Request, name: str) -> Reply:
        model = self._model(name)
        if not model.official:
            raise not_found()
        return self._create(request, model, "hidden", read_body(request, BODY_FIELDS))

    def _create_by_version(self, request: Request) -> Reply:
        body = read_body(request, BODY_FIELDS | {"version"})
        wanted = body.get("version")
        if not isinstance(wanted, str):
            raise Refused(422, "- version: version is required\n", "Invalid request")
        name, _, version = wanted.rpartition(":") if ":" in wanted else ("", "", wanted)
        model = MODELS.get(wanted) if "/" in version else BY_VERSION.get(version)
        unknown = model is None or (name and name != model.name)
        if model is None or unknown or ("/" in version and not model.official):
            raise no_version()
        if self.gone & {model.name, version, wanted}:
            raise no_version()
        return self._create(request, model, "hidden" if model.official else version, body)

    def _create(
        self, request: Request, model: Model, version: str, body: Mapping[str, Any]
    ) -> Reply:
        inputs = body.get("input")
        if not isinstance(inputs, dict):
            raise Refused(422, "- input: input is required\n", "Input validation failed")
        if wrong := input_errors(model, inputs):
            raise bad_input(wrong)
        limit = cancel_after(request, self.shortest_cancel_after)
        if not self.credit:
            raise no_credit()
        chosen = self._faults.choose(model, str(inputs.get("prompt", "")))
        if refuse := REFUSALS.get(chosen.fault):
            raise refuse(chosen)
        if chosen.fault is Fault.RESET_BEFORE:
            return Reply(reset=True)
        prediction = self._plan(model, version, inputs, chosen, limit)
        self._predictions[prediction.id] = prediction
        self.creations.append(
            Creation(
                prediction.id, model.name, version, inputs, prediction.at, dict(request.headers)
            )
        )
        return self._answer(request, prediction)

    def _plan(
        self,
        model: Model,
        version: str,
        inputs: dict[str, Any],
        chosen: Chosen,
        limit: float | None,
    ) -> Prediction:
        now = time.monotonic()
        lasts = self.seconds.get(model.name, self.seconds[model.kind])
        waits, still = lasts * self.starting, lasts * (1 - self.starting)
        if self.starting_seconds is not None:
            waits, still = self.starting_seconds, lasts
        prediction = Prediction(
            id=new_id(),
            model=model,
            version=version,
            input=inputs,
            created=datetime.now(UTC),
            at=now,
            starts=now + waits,
            ends=now + waits + still,
            chosen=chosen,
            ttl=self.ttl,
        )
        if model.kind is Kind.TEXT:
            prediction.words = words.answer(inputs, chosen.fault)
        self._read_files(prediction)
        apply(chosen, prediction)
        if limit is not None:
            keep_deadline(prediction, limit)
        return prediction

    def _read_files(self, prediction: Prediction) -> None:
        """Fetch the input files as the model would; a prediction whose file is missing fails."""
        for name in prediction.model.files:
            if name not in prediction.input:
                continue
            data = self._fetch(prediction.input[name])
            if data is None or (name != "input_audio" and not media.is_image(data)):
                prediction.status = "failed"
                prediction.error = f"Input validation error: {name} could not be read as a file"
            elif not prediction.image:
                prediction.image = data

    def _fetch(self, source: str) -> bytes | None:
        if source.startswith("data:"):
            kind, _, data = source.partition(",")
            try:
                return base64.b64decode(data, validate=True) if "base64" in kind else None
            except binascii.Error:
                return None
        path = source.partition("?")[0].removeprefix(self.url)
        match path.strip("/").split("/"):
            case ["v1", "files", file_id, *_]:
                return self._files[file_id].data if file_id in self._files else None
            case ["delivery", prediction_id, _, name] if prediction_id in self._predictions:
                return output_bytes(self._predictions[prediction_id], name, "0")
            case _:
                return None

    def _answer(self, request: Request, prediction: Prediction) -> Reply:
        fault = prediction.chosen.fault
        if fault is Fault.RESET_AFTER:
            return Reply(reset=True)
        if fault is Fault.GARBAGE_ANSWER:
            return Reply(201, b"<prediction>created</prediction>", "application/xml")
        reply = Reply(
            201,
            lambda: json.dumps(prediction.as_json(time.monotonic(), self.url)).encode(),
            headers={"ratelimit-remaining": "599", "ratelimit-reset": "1"},
        )
        if fault is Fault.SLOW_ANSWER:
            reply.delay = prediction.chosen.seconds(1)
        elif wait := prefer_wait(request):
            reply.delay = min(wait, max(0.0, prediction.ends - time.monotonic()) + 0.001)
            reply.headers["preference-applied"] = f"wait={wait}"
        return reply

    # Reading and stopping

    def _get(self, prediction_id: str) -> Reply:
        prediction = self._prediction(prediction_id)
        if prediction.chosen.fault is Fault.GARBAGE_POLL:
            prediction.polls += 1
            if prediction.polls <= int(prediction.chosen.options.get("polls", 4)):
                return GARBAGE[(prediction.polls - 1) % len(GARBAGE)]
        return _json(prediction.as_json(time.monotonic(), self.url))

    def _cancel(self, prediction_id: str) -> Reply:
        prediction, now = self._prediction(prediction_id), time.monotonic()
        prediction.stop(now, "canceled")
        return _json(prediction.as_json(now, self.url))

    def _list(self, request: Request) -> Reply:
        """A page, newest first. A cursor holds the filters and a place between two creations."""
        cursor = read_cursor(request.query)
        now, every = time.monotonic(), self._all()
        after, before = moment(cursor, "created_after"), moment(cursor, "created_before")
        fitting = [
            number
            for number, p in enumerate(every)
            if p.listed_at(now)
            and (after is None or p.created >= after)
            and (before is None or p.created < before)
        ]
        page, has_newer, has_older = page_of(fitting, cursor)
        filters = {name: cursor[name] for name in cursor if name.startswith("created_")}
        newer = {**filters, "newer_than": page[0]} if page and has_newer else None
        older = {**filters, "older_than": page[-1]} if page and has_older else None
        return _json(
            {
                "previous": self._page_url(newer),
                "next": self._page_url(older),
                "results": [every[number].as_json(now, self.url) for number in page],
            }
        )

    def _page_url(self, cursor: dict[str, Any] | None) -> str | None:
        if cursor is None:
            return None
        packed = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")
        return f"{self.url}/v1/predictions?cursor={packed}"

    def _prediction(self, prediction_id: str) -> Prediction:
        try:
            return self._predictions[prediction_id]
        except KeyError:
            raise not_found() from None

    # Models and files

    def _model(self, name: str) -> Model:
        if name not in MODELS or name in self.gone:
            raise not_found()
        return MODELS[name]

    def _model_json(self, model: Model) -> dict[str, Any]:
        owner, _, name = model.name.partition("/")
        return {
            "url": f"https://replicate.com/{model.name}",
            "owner": owner,
            "name": name,
            "description": f"A stand-in for {name}",
            "visibility": "public",
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": len([c for c in self.creations if c.model == model.name]),
            "cover_image_url": None,
            "default_example": None,
            "latest_version": version_json(model, model.latest),
        }

    def _upload(self, request: Request) -> Reply:
        if len(request.body) >= self.max_file_bytes:
            raise Refused(413, "Files must be less than 100MB in size")
        try:
            upload = read_upload(request)
        except (BadForm, ValueError) as error:
            raise Refused(422, str(error)) from error
        self._files[upload.id] = upload
        return _json(upload.as_json(self.url), 201)

    def _file(self, file_id: str) -> Upload:
        upload = self._files.get(file_id)
        if upload is None:
            raise Refused(404, "File not found")
        return upload

    def file_link(self, file_id: str) -> str:
        """A signed link to an uploaded file's bytes."""
        return f"{self.url}/v1/files/{file_id}/download?{self._signer.query(file_id)}"

    def _download(self, request: Request, file_id: str) -> Reply:
        if not self._signer.valid(file_id, request):
            raise unauthenticated()
        upload = self._file(file_id)
        return Reply(200, upload.data, upload.content_type)

    # Delivery

    def _deliver(self, request: Request, prediction_id: str, number: str, name: str) -> Reply:
        if token := request.headers.get("authorization"):
            self.tokens_seen_at_delivery.append(token)
        prediction, now = self._predictions.get(prediction_id), time.monotonic()
        if prediction is None or prediction.state(now) != "succeeded" or prediction.removed(now):
            return Reply(404, b"Not Found", "text/plain")
        names = prediction.file_names()
        if not number.isdigit() or [name] != names[int(number) : int(number) + 1]:
            return Reply(404, b"Not Found", "text/plain")
        fault = spoiling(prediction, number)
        if fault is Fault.EXPIRED:
            return Reply(404, b"Not Found", "text/plain")
        if fault is Fault.HTML_OUTPUT:
            return Reply(200, media.HTML, "text/html")
        if fault is Fault.PLAYLIST:
            return Reply(200, media.PLAYLIST, media.content_type(name))
        return Reply(work=lambda: reply_for(prediction, name, number, fault))

    def _all(self) -> list[Prediction]:
        return list(self._predictions.values())


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())
