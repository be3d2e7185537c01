"""A worker that kills itself at named points, once each: `python -m tests.crashing worker`.

It is the product's own worker; only calls at the edges of what matters are wrapped to die there.
CRASH_AT names the points, CRASH_MARKS a folder that says which have happened. NO_INTENT=1 takes the
intent table's protection away, to show that the drill would notice.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adgen import jobs, orders, pipeline
from adgen.cli import main
from adgen.providers import replicate
from adgen.providers.catalogue import load_model
from adgen.providers.fetch import fetch
from adgen.providers.sources import models_for
from adgen.providers.storage import storage
from adgen.store import assets, predictions
from adgen.store.database import Database

POINTS = (
    "after intent",
    "before POST",
    "after POST before commit",
    "after commit",
    "mid-download",
    "before the asset row",
    "after the asset row",
    "after the failure",
    "during the wait",
)


def die(point: str) -> None:
    """SIGKILL at the named point, the first time any worker reaches it."""
    if point not in os.environ.get("CRASH_AT", "").split(","):
        return
    try:
        (Path(os.environ["CRASH_MARKS"]) / point).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def before(point: str, call: Callable[..., Any], after_s: float = 0) -> Callable[..., Any]:
    """The call, dying at its start or `after_s` seconds into it."""

    @functools.wraps(call)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if after_s:
            threading.Timer(after_s, die, [point]).start()
        else:
            die(point)
        return call(*args, **kwargs)

    return wrapped


def after(point: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, dying at its end."""

    @functools.wraps(call)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        die(point)
        return result

    return wrapped


def order_without_intent(
    database: Database,
    key: str,
    cancelled: Callable[[], bool],
    told: Callable[[str], None],
    begun: orders.Standing | None,
    person: int,
) -> None:
    """What a plain checkpointed step would do: ask, then remember."""
    with database.begin() as db:
        row = predictions.lock_prediction(db, key)
        if row.provider_id:
            return
        db.expunge(row)
    spec = load_model(row.model)
    door = models_for(spec.door)
    files = {name: storage().path(stored) for name, stored in row.files.items()}
    order_id = door.order(spec, door.prepare(spec, row.inputs, files), key)
    with database.begin() as db:
        row = predictions.lock_prediction(db, key)
        row.provider_id, row.status = order_id, predictions.STARTED


def arm() -> None:
    """Put the points in."""
    wraps: list[tuple[Any, str, Callable[..., Any]]] = [
        (predictions, "mark_sending", before("after intent", predictions.mark_sending)),
        (orders, "place", after("after commit", orders.place)),
        (replicate, "fetch", before("mid-download", fetch, after_s=0.25)),
        (assets, "add_asset", before("before the asset row", assets.add_asset)),
        (
            pipeline,
            "_settle_success",
            after("after the asset row", pipeline._settle_success),
        ),
        (pipeline, "_settle_failure", after("after the failure", pipeline._settle_failure)),
        (jobs, "sleep", before("during the wait", jobs.sleep, after_s=0.4)),
    ]
    if os.environ.get("NO_INTENT"):
        wraps[1] = (orders, "place", order_without_intent)
    order = replicate.ReplicateModels.order
    order = after("after POST before commit", before("before POST", order))
    wraps.append((replicate.ReplicateModels, "order", order))
    for owner, name, wrapped in wraps:
        setattr(owner, name, wrapped)


if __name__ == "__main__":
    arm()
    sys.exit(main())
