"""A look at the real Replicate with real money, a few cents of it: `make live`.

It answers what no fake can: whether the token, the models and their fields are as we think, how
soon an order is listed, whether inputs are listed as they were sent, whether results come without
the token, and what a stopped order costs.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image

from adgen.config import settings
from adgen.errors import AdgenError, Cancelled, ModelGone, ModelInputRefused, ProviderError
from adgen.providers.catalogue import ModelSpec, catalogue, default_model, load_model
from adgen.providers.models import Result, Watch
from adgen.providers.replicate import INLINE_MAX, ReplicateModels

CAP = Decimal("0.10")
PICTURE = load_model("black-forest-labs/flux-schnell")
_SDXL = next(spec for spec in catalogue().values() if spec.name == "stability-ai/sdxl")
# Stopped right away; should that fail, Replicate itself ends it after these seconds together.
STOPPED = _SDXL.model_copy(update={"queue_limit_s": 20, "run_limit_s": 10})


class Refused(Exception):
    """It does not begin, or does not go on; the text says why."""


def main() -> int:
    """Look, and say what was seen; gives the exit code."""
    try:
        return _main()
    except (Refused, AdgenError) as why:
        print(f"live: {why}", file=sys.stderr)
        return 1


def _main() -> int:
    if os.environ.get("CI"):
        raise Refused("this costs money and never runs in CI (CI is set).")
    token = settings().replicate_api_token
    if token is None:
        raise Refused("set REPLICATE_API_TOKEN; this looks at the real Replicate.")
    texts = _texts()
    total = max(map(most, texts)) + most(PICTURE) + most(STOPPED)
    _tell_plan(texts, total)
    if total > CAP:
        raise Refused(f"that could cost more than ${CAP}. Nothing was ordered.")
    _confirm()
    door = ReplicateModels(token.get_secret_value(), settings())
    with tempfile.TemporaryDirectory(prefix="adgen-live-") as folder:
        look = Look(door, Path(folder), texts)
        for step in (look.account, look.models, look.upload, look.text, look.picture, look.stopped):
            look.take(step)
    print(f"\nAt most ${look.purse.spent:.4f} by the catalogue's prices; Replicate's bill decides.")
    return 1 if look.failed else 0


def _texts() -> list[ModelSpec]:
    """The language model and its fallbacks."""
    first = default_model("brief", "replicate")
    return [first, *map(load_model, first.fallbacks)]


def most(spec: ModelSpec) -> Decimal:
    """What one call can cost by the catalogue."""
    if spec.price is None or spec.expected_cost is None:
        raise Refused(f"the price of {spec.label} is unknown.")
    if spec.unit == "hardware-second":
        return spec.price * (spec.queue_limit_s + spec.run_limit_s)
    return spec.expected_cost


def _tell_plan(texts: Iterable[ModelSpec], total: Decimal) -> None:
    base = settings().replicate_base_url
    print(f"On {base}, with your token:")
    print("  free   the account, all models of the catalogue, an upload, the list of orders")
    dearest = max(texts, key=most)
    for what, spec in (("a text", dearest), ("a picture", PICTURE), ("one stopped", STOPPED)):
        print(f"  ${most(spec):.4f} at most: {what} by {spec.name}")
    print(f"At most ${total:.4f} in all; it stops before ${CAP}.", flush=True)


def _confirm() -> None:
    if os.environ.get("ADGEN_LIVE") == "yes":
        return
    if not sys.stdin.isatty():
        raise Refused("set ADGEN_LIVE=yes to spend that. Nothing was ordered.")
    if input("Type yes to spend that: ").strip().lower() != "yes":
        raise Refused("nothing was ordered.")


@dataclass
class Purse:
    """What may have been spent; asked before each order."""

    spent: Decimal = Decimal(0)

    def reserve(self, spec: ModelSpec) -> None:
        """Count the most that an order can cost, before it goes out."""
        if self.spent + most(spec) > CAP:
            raise Refused(f"the next order could pass ${CAP}; stopped before it.")
        self.spent += most(spec)

    def settle(self, spec: ModelSpec, units: Decimal | None) -> Decimal | None:
        """Put back what was not needed; what is unknown stays counted. Gives the cost."""
        if units is None or spec.price is None:
            return None
        self.spent += spec.price * units - most(spec)
        return spec.price * units


@dataclass
class Look:
    """One look, step by step; a failed step is told and the next is taken."""

    door: ReplicateModels
    folder: Path
    texts: list[ModelSpec]
    purse: Purse = field(default_factory=Purse)
    failed: int = 0

    def take(self, step: Callable[[], str]) -> None:
        """One line for a step."""
        try:
            self._say("ok", step.__name__, step())
        except AdgenError as error:
            self.failed += 1
            self._say("FAIL", step.__name__, error.user_message)
            if step == self.account:
                raise Refused("without the account nothing else can be seen.") from error

    def _say(self, mark: str, what: str, words: str) -> None:
        print(f"{mark:5} {what:8} {words}", flush=True)

    # The steps

    def account(self) -> str:
        """Whose token it is."""
        return self.door.account()

    def models(self) -> str:
        """As the doctor: which models are there, with the fields that we send."""
        hosted = [spec for spec in catalogue().values() if spec.door == "replicate"]
        good = 0
        for spec in hosted:
            try:
                unknown = self.door.unknown_fields(spec)
            except ProviderError as error:
                self._say("note", "models", error.user_message)
            else:
                good += not unknown
                if unknown:
                    self._say("note", "models", f"{spec.name} has no {', '.join(unknown)}")
        return f"{good} of {len(hosted)} of the catalogue are as it says"

    def upload(self) -> str:
        """A picture too large to travel inside an order."""
        photo = self.folder / "large.jpg"
        Image.frombytes("RGB", (700, 700), os.urandom(700 * 700 * 3)).save(photo, quality=95)
        size = photo.stat().st_size
        wire = self.door.prepare(STOPPED, {"prompt": "x"}, {"photo": photo})
        if size <= INLINE_MAX or not str(wire["image"]).startswith("http"):
            raise ModelInputRefused("The picture was not uploaded.")
        return f"{size // 1000} KB through the Files API"

    def text(self) -> str:
        """A short text, by the first model of the chain that is there."""
        for spec in self.texts:
            inputs = {"prompt": 'Say {"ok": true} and nothing else.', "max_tokens": 20}
            try:
                order_id, _ = self._order(spec, inputs)
            except ModelGone as gone:
                self.purse.settle(spec, Decimal(0))
                self._say("note", "text", gone.user_message)
                continue
            got = self._collect(spec, order_id, inputs)
            return f"{spec.label}: {' '.join(str(got.text).split())[:60]}, {self._cost(spec, got)}"
        raise ModelGone("No language model of the catalogue is there.")

    def picture(self) -> str:
        """A picture: found in the list by its very inputs, and fetched without the token."""
        inputs = {"prompt": "one red cup", "aspect": "1:1", "seed": _seed()}
        order_id, wire = self._order(PICTURE, inputs)
        self._find(PICTURE, wire, order_id)
        got = self._collect(PICTURE, order_id, inputs)
        size = f"{got.metadata['width']}x{got.metadata['height']}"
        return f"{size} {got.content_type} without the token, {self._cost(PICTURE, got)}"

    def stopped(self) -> str:
        """An order with a picture inside, stopped at once, and still found by its very inputs."""
        photo = self.folder / "small.jpg"
        Image.new("RGB", (512, 512), "teal").save(photo)
        inputs = {"prompt": "one red cup", "width": 512, "height": 512, "seed": _seed()}
        order_id, wire = self._order(STOPPED, inputs, photo=photo)
        try:
            got = self._collect(STOPPED, order_id, inputs, Watch(cancelled=lambda: True))
            how = f"was done before it could be stopped, {self._cost(STOPPED, got)}"
        except Cancelled as error:
            cost = self.purse.settle(STOPPED, error.charged)
            how = "stopped, at an unknown price" if cost is None else f"stopped, ${cost:.4f}"
        self._find(STOPPED, wire, order_id)
        return how

    # What they share

    def _order(
        self, spec: ModelSpec, inputs: dict[str, Any], **files: Path
    ) -> tuple[str, dict[str, Any]]:
        wire = self.door.prepare(spec, inputs, files)
        self.purse.reserve(spec)
        return self.door.order(spec, wire, "live"), wire

    def _collect(
        self, spec: ModelSpec, order_id: str, inputs: dict[str, Any], watch: Watch | None = None
    ) -> Result:
        work = Path(tempfile.mkdtemp(dir=self.folder))
        return self.door.collect(spec, order_id, inputs, {}, work, watch or Watch())

    def _cost(self, spec: ModelSpec, got: Result) -> str:
        cost = self.purse.settle(spec, got.quantity)
        return "price unknown" if cost is None else f"${cost:.4f}"

    def _find(self, spec: ModelSpec, wire: dict[str, Any], order_id: str) -> None:
        """Wait until the list shows the order, as after a lost answer."""
        began, since = time.monotonic(), datetime.now(UTC) - timedelta(minutes=5)
        while time.monotonic() - began < self.door.grace_s:
            if self.door.find(spec, wire, since) == [order_id]:
                self._say("ok", "find", f"listed as it was sent, {time.monotonic() - began:.1f} s")
                return
            time.sleep(1)
        self.failed += 1
        self._say("FAIL", "find", f"not listed as it was sent, within {self.door.grace_s:g} s. "
                  "After a lost answer it would be sent again, and paid twice.")  # fmt: skip


def _seed() -> int:
    return random.SystemRandom().randrange(1, 2**31)


if __name__ == "__main__":
    sys.exit(main())
