"""The door to Replicate: the official client to order and to cancel, our own requests to look.

The client cannot represent `aborted` predictions, waits without end on a POST, and gives a made
prediction up when it cannot parse it; so an order's answer is looked up again when in doubt, and
polling, listing and uploads are plain HTTP read tolerantly. Its `run` and `wait` are never used:
they have no deadline and no result for what was cancelled. See docs/decisions/0006-replicate.md.
"""

from __future__ import annotations

import base64
import logging
import math
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import httpx
from replicate.client import Client
from replicate.exceptions import ReplicateException

from adgen import __version__
from adgen.config import Settings
from adgen.errors import (
    AccountBlocked,
    AnswerLost,
    Cancelled,
    ModelGone,
    ModelInputRefused,
    ProviderBusy,
    ProviderError,
    ResultLost,
    ResultWaiting,
    Throttled,
)
from adgen.lease import LEASE
from adgen.providers import verdict
from adgen.providers.catalogue import FILE_WORDS, ModelSpec
from adgen.providers.fetch import fetch
from adgen.providers.models import Phase, Result, Watch
from adgen.providers.photos import look_at

log = logging.getLogger(__name__)

# Up to here a file travels inside the request (Replicate's own advice); above it is uploaded.
INLINE_MAX = 256 * 1024
READ_TIMEOUT_S = 15.0
UPLOAD_TIMEOUT_S = 120.0
# Replicate allows 3,000 requests a minute beside orders; several workers may share them.
REQUESTS_PER_S = 45.0
POLL_MIN_S, POLL_MAX_S = 0.06, 2.0
# How long Replicate may be out of reach while an order is under way there.
UNREACHABLE_S = 300.0
STOP_WAIT_S = 8.0
LIST_PAGES_MAX = 20
FETCH_LIMIT_S = 180.0

_KINDS = {
    "image": (("image/jpeg", "image/png", "image/webp"), 40_000_000),
    "clip": (("video/mp4",), 200_000_000),
    "music": (("audio/mpeg", "audio/wav"), 60_000_000),
}
_MIME = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp",
           "video/mp4": ".mp4", "audio/mpeg": ".mp3", "audio/wav": ".wav"}  # fmt: skip
# Nothing of these ever reached Replicate.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
# What the client raises on answers it does not expect, after the order was taken.
_UNREADABLE = (ReplicateException, ValueError, AttributeError, TypeError, KeyError)


class _Answer(Exception):
    """An answer of 400 or more, before it is known what it means for the request."""

    def __init__(self, response: httpx.Response) -> None:
        response.read()
        self.status = response.status_code
        body = _json(response)
        body = body if isinstance(body, dict) else {}
        self.detail = str(body.get("detail") or body.get("title") or "")
        self.wait_s = _wait(response, body, self.detail)
        super().__init__(f"{self.status} {self.detail[:200]}")


class _Timed(httpx.BaseTransport):
    """Gives every request a time limit; the client switches its own off for POST.

    And looks at the lease just before each write, since connecting takes its time: a process that
    was frozen meanwhile must not send what another has sent in its place.
    """

    def __init__(self, inner: httpx.BaseTransport, seconds: float) -> None:
        self._inner = inner
        self._limit = httpx.Timeout(seconds, connect=10.0, pool=30.0).as_dict()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on, with the limit."""
        request.extensions = {
            **request.extensions,
            "timeout": self._limit,
            "trace": _stop_without_lease,
        }
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _stop_without_lease(event: str, _: Mapping[str, Any]) -> None:
    # A request that lacks its body is none.
    writes = event.endswith(("send_request_headers.started", "send_request_body.started"))
    if writes and not LEASE.held():
        raise httpx.ConnectError("frozen for long; not sent")


class _Pace:
    """Lets at most so many requests a second through, from all threads together."""

    def __init__(self, per_s: float) -> None:
        self._gap = 1 / per_s
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._gap
        # A short burst may pass; only a standing queue is slowed down.
        if (pause := at - time.monotonic() - 1.0) > 0:
            time.sleep(pause)


class ReplicateModels:
    """Real models. Thread-safe; one for the whole process."""

    def __init__(self, token: str, config: Settings) -> None:
        self.grace_s = config.reconcile_wait_s
        self._hosts = config.allowed_hosts
        self._token, self._base = token, config.replicate_base_url
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
        wire = httpx.HTTPTransport(limits=limits)
        self._orders = _Timed(wire, config.create_timeout_s)
        self._clients: dict[int, Client] = {}
        self._lock = threading.Lock()
        self._http = httpx.Client(
            base_url=self._base,
            headers={"Authorization": f"Bearer {token}", "User-Agent": f"adgen/{__version__}"},
            timeout=httpx.Timeout(READ_TIMEOUT_S, pool=30.0),
            limits=limits,
            trust_env=False,
        )
        self._pace = _Pace(REQUESTS_PER_S)
        # Whoever is told to wait keeps the others from asking in vain.
        self._closed_until = 0.0
        # How long each model took lately, seconds.
        self._usual: dict[str, float] = {}

    # Ordering

    def prepare(
        self, spec: ModelSpec, inputs: Mapping[str, Any], files: Mapping[str, Path]
    ) -> dict[str, Any]:
        """The model's own input; its files travel inside when small, else through the Files API."""
        wanted = FILE_WORDS & set(spec.inputs.values()) & set(files)
        return spec.wire(inputs, {word: self._reachable(files[word]) for word in wanted})

    def order(self, spec: ModelSpec, wire: Mapping[str, Any], key: str) -> str:  # noqa: ARG002
        """Create the prediction. One request, never repeated here. See `Models.order`."""
        if (left := self._closed_until - time.monotonic()) > 0:
            raise self._throttled(left)
        client = self._client(spec.queue_limit_s + spec.run_limit_s)
        try:
            if spec.version:
                made = client.predictions.create(version=spec.version, input=dict(wire))
            else:
                made = client.models.predictions.create(model=spec.ref, input=dict(wire))
        except _Answer as answer:
            self._refused(spec, answer)
        except _NEVER_SENT:
            raise Throttled(_UNREACHABLE, 3.0) from None
        except httpx.HTTPError as error:
            raise AnswerLost("Replicate did not answer the order.") from error
        except _UNREADABLE as error:
            raise AnswerLost("Replicate's answer to the order could not be read.") from error
        return str(made.id)

    def find(self, spec: ModelSpec, wire: Mapping[str, Any], since: datetime) -> list[str]:
        """Predictions of this model and these very inputs, oldest first."""
        since_text = since.isoformat().replace("+00:00", "Z")
        found = [
            str(row["id"])
            for row in self._list(since_text)
            if _same_model(spec, row) and _same_input(wire, row.get("input"))
        ]
        return found[::-1]

    # Collecting

    def collect(
        self,
        spec: ModelSpec,
        order_id: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, Path],  # noqa: ARG002
        work: Path,
        watch: Watch,
    ) -> Result:
        """Poll to the end, then fetch at once: outputs are removed after an hour."""
        prediction = self._await(spec, order_id, inputs, watch)
        watch.report(verdict.report(spec, prediction))
        output = verdict.read_output(spec, prediction, inputs)
        units = verdict.quantity(spec, prediction, inputs, len(output))
        facts: dict[str, Any] = {
            "quantity": units,
            "seconds": _seconds(prediction),
            "metadata": {"prediction_id": order_id},
        }
        if spec.output == "tokens":
            return Result(text="".join(output), **facts)
        return self._fetch(spec, output[0], inputs, work, facts)

    def _fetch(
        self,
        spec: ModelSpec,
        url: str,
        inputs: Mapping[str, Any],
        work: Path,
        facts: dict[str, Any],
    ) -> Result:
        kinds, most = _KINDS[spec.stage]
        try:
            # Not stopped by the person: it is paid for, and here in a moment.
            got = fetch(
                url, work / "output", hosts=self._hosts, kinds=kinds, max_bytes=most,
                limit_s=FETCH_LIMIT_S,
            )  # fmt: skip
            path = got.path.rename(got.path.with_suffix(_SUFFIX[got.content_type]))
            if spec.stage == "image":
                facts["metadata"] |= {**look_at(path), "view": inputs.get("view", "front")}
        except ProviderBusy as error:
            raise ResultWaiting(
                f"{error.user_message} The result is finished at Replicate and stays to be "
                "fetched, for an hour from when it was made."
            ) from error
        except ProviderError as error:
            error.charged = facts["quantity"]
            raise
        return Result(file=path, content_type=got.content_type, **facts)

    def _await(
        self, spec: ModelSpec, order_id: str, inputs: Mapping[str, Any], watch: Watch
    ) -> Mapping[str, Any]:
        """The ended prediction. Waiting for a machine and running have a clock each."""
        began = heard = time.monotonic()
        running_since: float | None = None
        # Whoever ordered it has said that it starts.
        last: Phase = "starting"
        while True:
            moment = time.monotonic()
            if watch.cancelled():
                return self._stopped(spec, order_id, inputs, watch)
            prediction = self._peek(order_id)
            if prediction is not None:
                heard, status = moment, str(prediction.get("status"))
                if status in verdict.ENDED:
                    self._learn(spec, moment - began)
                    return prediction
                # A status we do not know counts as running: it is neither waiting nor ended.
                phase: Phase = "starting" if status == "starting" else "running"
                if phase != last:
                    watch.phase(phase)
                    last = phase
                if phase == "running" and running_since is None:
                    running_since = moment
            elif moment - heard > UNREACHABLE_S:
                raise ResultWaiting(
                    "Replicate cannot be reached. What was ordered goes on there and stays to be "
                    "fetched: retry when the connection is back, at no further cost."
                )
            self._give_up_when_late(spec, order_id, inputs, watch, began, running_since)
            time.sleep(self._pause(spec, moment - began))

    def _pause(self, spec: ModelSpec, elapsed: float) -> float:
        """Seconds to the next look: often when it usually ends, seldom before and after."""
        usual = self._usual.get(spec.ref, 0.0)
        if elapsed < 0.95 * usual:
            pause = min(0.95 * usual - elapsed, POLL_MAX_S / 4)
        elif elapsed < 1.5 * usual:
            pause = usual / 30
        else:
            pause = elapsed / 10
        return min(max(pause, POLL_MIN_S), POLL_MAX_S)

    def _learn(self, spec: ModelSpec, seconds: float) -> None:
        # Races between threads lose one observation, which does not matter.
        before = self._usual.get(spec.ref, seconds)
        self._usual[spec.ref] = 0.7 * before + 0.3 * seconds

    def _give_up_when_late(
        self,
        spec: ModelSpec,
        order_id: str,
        inputs: Mapping[str, Any],
        watch: Watch,
        began: float,
        running_since: float | None,
    ) -> None:
        since, limit, what = (
            (began, spec.queue_limit_s, "waited for a machine")
            if running_since is None
            else (running_since, spec.run_limit_s, "ran")
        )
        if time.monotonic() - since <= limit:
            return
        ended = self._stop(spec, order_id, watch)
        if ended and ended.get("status") == "succeeded":
            return
        raise ProviderBusy(
            f"{spec.label} {what} for {limit // 60} minutes and was stopped.",
            charged=verdict.cancelled_charge(spec, ended, inputs),
        )

    def _stopped(
        self, spec: ModelSpec, order_id: str, inputs: Mapping[str, Any], watch: Watch
    ) -> Mapping[str, Any]:
        """Stop it for the person; when it was done all the same, it is kept."""
        ended = self._stop(spec, order_id, watch)
        if ended and ended.get("status") == "succeeded":
            return ended
        raise Cancelled("Stopped.", charged=verdict.cancelled_charge(spec, ended, inputs))

    def _stop(self, spec: ModelSpec, order_id: str, watch: Watch) -> Mapping[str, Any] | None:
        """Ask for the end, and see and tell how it ended; None when that stays unknown."""
        try:
            self._client(60).predictions.cancel(order_id)
        except (_Answer, httpx.HTTPError, *_UNREADABLE) as why:
            # It may be over already, or the client cannot read how; the look below tells.
            log.info("cancelling %s: %s", order_id, type(why).__name__)
        end = time.monotonic() + STOP_WAIT_S
        seen: Mapping[str, Any] | None = None
        while time.monotonic() < end:
            seen = self._peek(order_id) or seen
            if seen and seen.get("status") in verdict.ENDED:
                watch.report(verdict.report(spec, seen))
                break
            time.sleep(POLL_MIN_S * 2)
        return seen

    def _peek(self, order_id: str) -> Mapping[str, Any] | None:
        """The prediction now; None when it cannot be had at the moment."""
        self._pace.wait()
        try:
            body = self._get(f"/v1/predictions/{order_id}")
        except _Answer as answer:
            if answer.status == 401:
                raise ResultWaiting(_WRONG_KEY) from answer
            if answer.status == 404:
                raise ResultLost(
                    "Replicate does not know this order any more. Retry to have it made again; "
                    "that may cost again.",
                    charged=None,
                ) from answer
            time.sleep(min(answer.wait_s, 30.0) if answer.status == 429 else 0)
            return None
        except (httpx.HTTPError, ValueError):
            return None
        return body if isinstance(body, dict) and isinstance(body.get("status"), str) else None

    # Looking around

    def unknown_fields(self, spec: ModelSpec) -> list[str]:
        """Fields we send that the live model does not take. Raises ModelGone, ProviderError."""
        path = f"/v1/models/{spec.name}" + (f"/versions/{spec.version}" if spec.version else "")
        body = self._look(spec, path)
        known: Any = body if spec.version else body.get("latest_version")
        for part in ("openapi_schema", "components", "schemas", "Input", "properties"):
            known = known.get(part) if isinstance(known, dict) else None
        return [f for f in (*spec.inputs, *spec.fixed) if f not in known] if known else []

    def account(self) -> str:
        """Whose token it is. Raises AccountBlocked, ProviderError."""
        try:
            body = self._get("/v1/account")
        except _Answer as answer:
            if answer.status == 401:
                raise AccountBlocked(_WRONG_KEY) from answer
            raise ProviderBusy(f"Replicate answers {answer.status}.") from answer
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderBusy("Replicate cannot be reached.") from error
        return str(body.get("username", "unknown")) if isinstance(body, dict) else "unknown"

    def _look(self, spec: ModelSpec, path: str) -> dict[str, Any]:
        try:
            body = self._get(path)
        except _Answer as answer:
            if answer.status in (403, 404, 422):
                raise _gone(spec) from answer
            raise ProviderBusy(f"Replicate answers {answer.status}.") from answer
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderBusy("Replicate cannot be reached.") from error
        return body if isinstance(body, dict) else {}

    def _list(self, since: str) -> Iterator[Mapping[str, Any]]:
        """Predictions created after `since`, newest first. Raises Throttled when it cannot look."""
        url = "/v1/predictions"
        params: dict[str, str] | None = {"created_after": since}
        for _ in range(LIST_PAGES_MAX):
            self._pace.wait()
            try:
                body = self._get(url, params)
            except (_Answer, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                if isinstance(error, _Answer) and error.status == 401:
                    raise ResultWaiting(_WRONG_KEY) from error
                wait = error.wait_s if isinstance(error, _Answer) else 3.0
                raise Throttled(_UNREACHABLE, wait) from error
            body = body if isinstance(body, dict) else {}
            listed = body.get("results")
            rows = [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []
            for row in rows:
                # Older services ignore the filter.
                if str(row.get("created_at", since)) >= since:
                    yield row
            url, params = str(body.get("next") or ""), None
            if not url or not rows or str(rows[-1].get("created_at", since)) < since:
                return

    def _get(self, url: str, params: dict[str, str] | None = None) -> Any:
        if "://" in url and not url.startswith(f"{self._base.rstrip('/')}/"):
            # The token goes to the API's own host and nowhere else.
            raise ValueError("a next page on another host")
        response = self._http.get(url, params=params)
        _raise_answer(response)
        return response.json()

    def _reachable(self, file: Path) -> str:
        """An address under which the model can read a local file."""
        mime = _MIME.get(file.suffix.lower(), "application/octet-stream")
        data = file.read_bytes()
        if len(data) <= INLINE_MAX:
            return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
        try:
            # Our own request: the client's waits for ever, and drops a file it cannot parse.
            response = self._http.post(
                "/v1/files", files={"content": (file.name, data, mime)}, timeout=UPLOAD_TIMEOUT_S
            )
            _raise_answer(response)
            return str(response.json()["urls"]["get"])
        except _Answer as answer:
            if answer.status in _BLOCKED:
                raise AccountBlocked(_BLOCKED[answer.status]) from answer
            if answer.status in (413, 422):
                raise ModelInputRefused("Replicate does not take this picture.") from answer
            raise self._throttled(answer.wait_s) from answer
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            # Uploads cost nothing, so they are simply sent again.
            raise Throttled(_UNREACHABLE, 3.0) from error

    # Errors

    def _refused(self, spec: ModelSpec, answer: _Answer) -> NoReturn:
        """What an error answer to an order means. Below 500 it was certainly not taken."""
        if answer.status >= 500:
            raise AnswerLost(f"Replicate answered {answer.status}.") from answer
        if answer.status == 429:
            self._closed_until = time.monotonic() + answer.wait_s
            raise self._throttled(answer.wait_s) from answer
        if answer.status in _BLOCKED:
            raise AccountBlocked(_BLOCKED[answer.status]) from answer
        version = "version does not exist" in answer.detail or "permission" in answer.detail
        if answer.status in (403, 404) or version:
            raise _gone(spec) from answer
        raise ModelInputRefused(
            f"{spec.label} does not take this request ({verdict.plain(answer.detail)})."
        ) from answer

    @staticmethod
    def _throttled(seconds: float) -> Throttled:
        # Not all at the same moment again.
        wait = seconds * random.uniform(1.0, 1.2)  # noqa: S311
        return Throttled(f"Replicate asks us to wait; going on in {math.ceil(wait)} s...", wait)

    def _client(self, lifetime_s: int) -> Client:
        """The official client; Replicate itself ends an order after `lifetime_s` as a backstop."""
        with self._lock:
            if lifetime_s not in self._clients:
                made = Client(
                    api_token=self._token,
                    base_url=self._base,
                    transport=self._orders,
                    headers={"Cancel-After": f"{lifetime_s}s"},
                    event_hooks={"response": [_raise_answer]},
                )
                # Its lazy making is not safe among threads.
                made._client  # noqa: B018
                self._clients[lifetime_s] = made
            return self._clients[lifetime_s]


_UNREACHABLE = "Replicate cannot be reached; trying again in a moment."
_WRONG_KEY = (
    "Replicate does not accept the API token. An administrator must set REPLICATE_API_TOKEN to a "
    "valid one and start the app again. Everything made so far is kept."
)
_NO_CREDIT = (
    "Replicate says that the account has no credit left, so nothing more is ordered. Add credit "
    "at replicate.com/account/billing, then retry. Everything made so far is kept."
)
_BLOCKED = {401: _WRONG_KEY, 402: _NO_CREDIT}


def _raise_answer(response: httpx.Response) -> None:
    if response.status_code >= 400:
        raise _Answer(response)


def _gone(spec: ModelSpec) -> ModelGone:
    return ModelGone(
        f"{spec.label} ({spec.name}) is not available to this account any more. "
        "Choose another model for this step."
    )


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _wait(response: httpx.Response, body: Mapping[str, Any], detail: str) -> float:
    """Seconds until the rate limit resets, by whichever way it is said; bounded."""
    said = re.search(r"resets in ~?(\d+(?:\.\d+)?)\s*s", detail)
    for value in (body.get("retry_after"), response.headers.get("retry-after"), said and said[1]):
        try:
            # In this order, so that "nan" becomes the least.
            return min(max(0.5, float(value)), 120.0)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    return 5.0


def _seconds(prediction: Mapping[str, Any]) -> Decimal:
    metrics = verdict.metrics_of(prediction)
    took = verdict.number(metrics.get("total_time")) or verdict.number(metrics.get("predict_time"))
    return round(took or Decimal(0), 3)


def _same_model(spec: ModelSpec, row: Mapping[str, Any]) -> bool:
    return row.get("model") == spec.name or (
        spec.version is not None and row.get("version") == spec.version
    )


def _same_input(wire: Mapping[str, Any], echoed: object) -> bool:
    return isinstance(echoed, Mapping) and all(
        _same_value(value, echoed.get(field)) for field, value in wire.items()
    )


def _same_value(sent: object, listed: object) -> bool:
    if isinstance(sent, str) and sent.startswith("data:"):
        # It is not known whether a file within a request is listed as it was sent.
        return sent == listed or not str(listed).startswith("data:")
    return sent == listed
