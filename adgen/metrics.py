"""What Prometheus reads: this process's own numbers, and those of the whole installation.

The latter come from Postgres, so that any web process answers for all of them and none is lost
with a process. Names and labels: docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from adgen import __version__, jobs
from adgen.config import settings
from adgen.store import meters, rollup
from adgen.store.database import Database, is_passing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A scrape is never worth more of the database than this.
LIMIT_S = 5.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SOCKET"})

# Of this process

disable_created_metrics()  # type: ignore[no-untyped-call]
_OWN = CollectorRegistry()
ProcessCollector(registry=_OWN)
PlatformCollector(registry=_OWN)
GCCollector(registry=_OWN)
REQUESTS = Counter("adgen_requests", "Web requests", ["route", "method", "status"], registry=_OWN)
LATENCY = Histogram(
    "adgen_request_seconds",
    "Until the last byte of an answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=_OWN,
)
SOCKETS = Gauge("adgen_websocket_clients", "Open WebSockets", ["route"], registry=_OWN)


def known_method(method: str) -> str:
    """The method, or that it is none: whoever asks could make up any number of them."""
    return method if method in _METHODS else "other"


# Of all

Source = Callable[[Session], Iterable[Metric]]


def _spending(db: Session) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "adgen_calls", "Settled model calls", labels=["agent", "model", "outcome"]
    )
    dollars = CounterMetricFamily("adgen_spend_usd", "Settled cost", labels=["agent", "model"])
    unpriced = CounterMetricFamily(
        "adgen_calls_unpriced", "Settled calls of unknown cost", labels=["agent", "model"]
    )
    by_model: dict[tuple[str, str], tuple[Any, int]] = {}
    for row in meters.spent(db):
        outcome = "succeeded" if row.ok else "failed"
        calls.add_metric([row.agent, row.model, outcome], row.calls)
        cost, unknown = by_model.get((row.agent, row.model), (0, 0))
        by_model[row.agent, row.model] = (cost + row.cost, unknown + row.unpriced)
    for key, (cost, unknown) in by_model.items():
        dollars.add_metric(key, float(cost))
        unpriced.add_metric(key, unknown)
    yield from (calls, dollars, unpriced)


_TIMES = {
    "run": ("adgen_run_seconds", "Runs from begin to end", ("kind", "status")),
    "wait": ("adgen_run_wait_seconds", "Runs from request to begin", ("kind",)),
    "call": ("adgen_call_seconds", "Model calls from intent to end", ("model", "outcome")),
}


def _times(db: Session) -> Iterator[Metric]:
    families = {
        what: HistogramMetricFamily(name, told, labels=labels)
        for what, (name, told, labels) in _TIMES.items()
    }
    bounds = [*map(str, map(float, meters.BOUNDS_S)), "+Inf"]
    for row in meters.timed(db):
        labels = [row.name, row.outcome][: len(_TIMES[row.what][2])]
        buckets = list(zip(bounds, map(float, accumulate(row.counts)), strict=True))
        families[row.what].add_metric(labels, buckets, row.seconds)
    yield from families.values()


def _live(db: Session) -> Iterator[Metric]:
    live = meters.live(db)
    runs = GaugeMetricFamily(
        "adgen_runs_live", "Runs by stage and state", labels=["kind", "status"]
    )
    for kind, status, count in live.runs:
        runs.add_metric([kind, status], count)
    calls = GaugeMetricFamily("adgen_calls_open", "Model calls under way", labels=["model"])
    held = GaugeMetricFamily("adgen_held_usd", "The most they may cost", labels=["model"])
    for model, count, most in live.calls:
        calls.add_metric([model], count)
        held.add_metric([model], float(most))
    workers = GaugeMetricFamily("adgen_workers_live", "Workers heard of lately", labels=["version"])
    for version, count in live.workers or [(__version__, 0)]:
        workers.add_metric([version], count)
    holds = GaugeMetricFamily("adgen_provider_on_hold", "Takes no orders", labels=["provider"])
    for provider in live.holds:
        holds.add_metric([provider], 1)
    yield from (runs, calls, held, workers, holds)
    yield GaugeMetricFamily("adgen_alerts_waiting", "Alerts not delivered", value=live.posts)
    yield GaugeMetricFamily("adgen_database_bytes", "Database size", value=live.database_bytes)


def _queues(db: Session) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "adgen_queue_depth", "Durable runs in a queue", labels=["queue", "state"]
    )
    oldest = GaugeMetricFamily("adgen_queue_oldest_seconds", "The longest wait", labels=["queue"])
    for queue in jobs.depths(db):
        depth.add_metric([queue.queue, "waiting"], queue.waiting)
        depth.add_metric([queue.queue, "running"], queue.running)
        oldest.add_metric([queue.queue], queue.oldest_s)
    yield from (depth, oldest)


# What else the installation has to say of itself goes here.
SOURCES: tuple[Source, ...] = (_spending, _times, _live, _queues)


class _Installation(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        up, found = 1, list[Metric]()
        try:
            rollup.prepare(self._database, settings().report_tz)
            with self._database.begin() as db:
                rollup.one_moment(db, limit_s=LIMIT_S)
                for source in SOURCES:
                    found += source(db)
        except Exception as error:
            if not is_passing(error):
                raise
            up, found = 0, []
        yield GaugeMetricFamily("adgen_database_up", "Whether Postgres answers", value=up)
        info = GaugeMetricFamily("adgen_info", "What runs here", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from found


def expose(database: Database) -> bytes:
    """Everything, in Prometheus' text form; without the database only this process's own."""
    everyone = CollectorRegistry(auto_describe=False)
    everyone.register(_Installation(database))
    return generate_latest(_OWN) + generate_latest(everyone)
