"""Ordering exactly once, whatever dies in between.

The request is committed as an intent; committed again as `sending`, word for word, just before it
goes out; sent under its row's lock; and its order id committed with the answer. So a process that
finds `intent` may send, one that finds an id may not, and one that finds `sending` must look
first: the provider lists its orders, and a request counts as never taken only when it is still
missing after the grace time, which outlasts any request on the wire.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from adgen.config import settings
from adgen.errors import (
    AccountBlocked,
    AdgenError,
    AnswerLost,
    Cancelled,
    ModelGone,
    ResultLost,
    Throttled,
)
from adgen.lease import LEASE
from adgen.providers import catalogue
from adgen.providers.catalogue import ModelSpec, load_model
from adgen.providers.models import Models
from adgen.providers.sources import models_for
from adgen.providers.storage import storage
from adgen.store import costs, predictions, sessions
from adgen.store.database import Database
from adgen.store.holds import find_hold
from adgen.store.tables import Prediction, now
from adgen.turns import TURNS

log = logging.getLogger(__name__)

# A provider that asks for patience gets this much in all, then the attempt counts as failed.
PATIENCE_S = 900.0
LOOK_EVERY_S = 1.0
# The provider's clock is not ours.
CLOCK_SKEW = timedelta(seconds=120)
# Inputs, by which a lost order is known again, are removed after an hour.
FINDABLE = timedelta(minutes=55)
RESENDS_MAX = 2
# Each request on the wire holds a connection to the database; the rest of the worker needs some.
_WIRES = threading.BoundedSemaphore(8)
# Who waits longer for a turn than this is told so.
LONG_WAIT_S = 3.0

Told = Callable[[str], None]


class Standing(NamedTuple):
    """Where an order stands: its row, apart from any transaction, and why nothing may be sent."""

    row: Prediction
    held: str | None


def stand(db: Session, row: Prediction) -> Standing:
    """Where the order of this row stands now."""
    held = find_hold(db, load_model(row.model).door)
    db.expunge(row)
    return Standing(row, held)


def place(
    database: Database,
    key: str,
    cancelled: Callable[[], bool],
    told: Told,
    begun: Standing | None = None,
    *,
    person: int = 0,
) -> None:
    """See to it that the intent `key` is ordered once; its row holds the order id then.

    `begun` is how it stood a moment ago, when the caller knows it; `told` gets words for the
    person during a wait; people (`person` is a user's id) take turns. Raises the provider's error
    when it was not taken, ResultLost when that cannot be known, Cancelled when `cancelled` before
    it went out.
    """
    end = time.monotonic() + PATIENCE_S
    asker = _Asker(person, cancelled, told)
    while True:
        try:
            if _advance(database, key, asker, begun):
                return
        except Throttled as busy:
            # What may have been taken is looked for to the end, whoever stopped it meanwhile.
            taken = _may_be_taken(database, key)
            if time.monotonic() + busy.wait_s > end and taken:
                raise _lost() from busy
            if time.monotonic() + busy.wait_s > end:
                raise
            told(busy.user_message)
            _pause(busy.wait_s, (lambda: False) if taken else cancelled)
        except ModelGone as gone:
            _fall_back(database, key, gone)
        begun = None


def _may_be_taken(database: Database, key: str) -> bool:
    with database.begin() as db:
        row = predictions.find_prediction(db, key)
        return row is not None and row.status == predictions.SENDING


class _Asker(NamedTuple):
    person: int
    cancelled: Callable[[], bool]
    told: Told


def _advance(database: Database, key: str, asker: _Asker, begun: Standing | None) -> bool:
    """One step further from wherever the row stands; whether it is ordered now."""
    if begun is None:
        with database.begin() as db:
            begun = stand(db, predictions.load_prediction(db, key))
    row, held = begun
    if row.provider_id or row.status in predictions.ENDED:
        return True
    spec = load_model(row.model)
    door = models_for(spec.door)
    if row.status == predictions.SENDING:
        return _look_for(database, row, spec, door, asker)
    if held:
        raise AccountBlocked(held)
    if asker.cancelled():
        raise Cancelled("Stopped before it began.")
    files = {name: storage().path(stored) for name, stored in row.files.items()}
    return _send_in_turn(database, row, spec, door, door.prepare(spec, row.inputs, files), asker)


def _send_in_turn(
    database: Database,
    row: Prediction,
    spec: ModelSpec,
    door: Models,
    wire: dict[str, Any],
    asker: _Asker,
) -> bool:
    """Wait for its turn, mark it as going out and send it; whether it is ordered now."""
    limits = _limits(spec)
    sent_at: datetime | None = None

    def may_go() -> bool:
        nonlocal sent_at
        # Whoever was frozen for long may be replaced already; the heartbeat tells soon.
        if not LEASE.held() or not _WIRES.acquire(blocking=False):
            return False
        with ExitStack() as undo:
            undo.callback(_WIRES.release)
            with database.begin() as db:
                if limits and not predictions.may_send(db, row.key, limits):
                    return False
                sent_at = predictions.mark_sending(db, row.key, wire, since=row.sent_at)
                if row.sent_at and sent_at and door.grace_s:
                    _note_resent(db, row, spec)
            undo.pop_all()
        return True

    TURNS.take(spec.ref, asker.person, may_go, _waiting(spec, asker))
    try:
        return sent_at is not None and _send(database, row.key, sent_at, spec, door)
    finally:
        _WIRES.release()
        TURNS.ended()


def _waiting(spec: ModelSpec, asker: _Asker) -> Callable[[], None]:
    """Looks after the person while an order waits for its turn."""
    tell_at = time.monotonic() + LONG_WAIT_S

    def check() -> None:
        nonlocal tell_at
        if asker.cancelled():
            raise Cancelled("Stopped before it began.")
        if time.monotonic() > tell_at:
            tell_at = float("inf")
            asker.told(f"Waiting for a turn at {spec.label}...")

    return check


def _limits(spec: ModelSpec) -> predictions.Limits | None:
    in_all = settings().orders_per_s or catalogue.orders_per_second().get(spec.door)
    if spec.at_once is spec.per_second is in_all is None or spec.door == "offline":
        return None
    return predictions.Limits(
        model=spec.ref,
        provider=spec.door,
        refs=tuple(catalogue.refs_of(spec.door)),
        at_once=spec.at_once,
        per_second=spec.per_second,
        in_all_per_second=in_all,
        lasts_s=spec.queue_limit_s + spec.run_limit_s,
        wire_s=settings().create_timeout_s,
    )


def _send(database: Database, key: str, sent_at: datetime, spec: ModelSpec, door: Models) -> bool:
    """Send under the row's lock, so that a process thought dead cannot send beside us."""
    refusal: AdgenError | None = None
    with database.begin() as db:
        row = predictions.lock_prediction(db, key)
        if row.provider_id or row.sent_at != sent_at:
            return False
        if not LEASE.held():
            # The lock may be gone without our knowing; nothing went out yet.
            predictions.mark_refused(row)
            return False
        try:
            predictions.mark_answered(row, door.order(spec, row.wire or {}, key))
        except AnswerLost:
            log.warning("no answer to order %s; looking for it", key)
            # The grace time begins when it surely was on the wire, not when we meant to send.
            row.sent_at = now()
            return False
        except AdgenError as error:
            predictions.mark_refused(row)
            refusal = error
    if refusal:
        raise refusal
    return True


def _look_for(
    database: Database,
    row: Prediction,
    spec: ModelSpec,
    door: Models,
    asker: _Asker,
) -> bool:
    """Find the order that was sent and may have been taken; send anew when it surely was not."""
    assert row.sent_at is not None  # noqa: S101 -- `sending` is never written without it
    while True:
        if now() - row.sent_at > FINDABLE:
            raise _lost()
        found = door.find(spec, row.wire or {}, row.sent_at - CLOCK_SKEW)
        with database.begin() as db:
            if predictions.adopt(db, row.key, found):
                return True
        if now() >= row.sent_at + timedelta(seconds=door.grace_s):
            break
        time.sleep(min(LOOK_EVERY_S, door.grace_s / 4))
    if asker.cancelled():
        raise Cancelled("Stopped before it began.")
    if row.resent >= RESENDS_MAX and door.grace_s:
        raise _lost()
    return _send_in_turn(database, row, spec, door, row.wire or {}, asker)


def _note_resent(db: Session, row: Prediction, spec: ModelSpec) -> None:
    log.warning("order %s was not found at the provider; sending it again", row.key)
    ad = sessions.lock_ad(db, row.session_id)
    ad.notes = [*ad.notes, _resent_note(spec)]


def _lost() -> ResultLost:
    return ResultLost(
        "Our line was cut while this was being ordered, and it cannot be told any more whether it "
        "was made. It may be on the bill. Retry to have it made again.",
        charged=None,
    )


def _resent_note(spec: ModelSpec) -> str:
    return (
        f"An order to {spec.label} got no answer and was not to be found afterwards, so it was "
        "sent again. Should the bill show it twice, that is why."
    )


def _fall_back(database: Database, key: str, gone: ModelGone) -> None:
    """Ask the next model in the row's place, at its own price; raises `gone` after the last."""
    with database.begin() as db:
        session_id = predictions.lock_prediction(db, key).session_id
    with database.begin() as db:
        ad = sessions.lock_ad(db, session_id)
        row = predictions.lock_prediction(db, key)
        spec = _next_model(row)
        if spec is None:
            raise gone
        note = f"{load_model(row.model).label} is not available; {spec.label} was used instead."
        if note not in ad.notes:
            ad.notes = [*ad.notes, note]
        predictions.switch_model(db, key, spec.ref)
        costs.reprice_entry(
            db,
            key,
            model=spec.ref,
            unit=spec.unit,
            unit_price=spec.price,
            price_since=spec.since.isoformat(),
        )


def _next_model(row: Prediction) -> ModelSpec | None:
    """The fallback after the row's present model, along the chain of the one first asked for."""
    chosen = load_model(row.inputs.get("model") or row.model)
    chain = [chosen.ref, *chosen.fallbacks]
    rest = chain[chain.index(row.model) + 1 :]
    return load_model(rest[0]) if rest else None


def _pause(seconds: float, cancelled: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancelled():
            raise Cancelled("Stopped before it began.")
        time.sleep(min(left, 0.5))
