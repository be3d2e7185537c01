"""What the ledger answers: shares, days, ads, runs, single calls; money in US dollars."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from adgen.domain import Outcome, Value

_MICRO = Decimal("0.000001")


def money(micros: int | Decimal | None) -> Decimal:
    """US dollars out of millionths."""
    return Decimal(micros or 0) * _MICRO


class Share(Value):
    """The part of one model, step, person or team; `cost` is without the `unpriced` calls."""

    key: str
    calls: int = 0
    failed: int = 0
    running: int = 0
    unpriced: int = 0
    cost: Decimal = Decimal(0)
    failed_cost: Decimal = Decimal(0)
    units: Decimal = Decimal(0)
    seconds: Decimal = Decimal(0)

    @property
    def settled(self) -> int:
        """Calls that have ended."""
        return self.calls - self.running


_SUMMED = ("calls", "failed", "running", "unpriced", "cost", "failed_cost", "units", "seconds")


class Bucket(Value):
    """A day, or a month by its first day, of one step."""

    day: date
    agent: str
    calls: int
    unpriced: int
    cost: Decimal


class Spent(Value):
    """The calls of a range by everything a chart shows; shares are largest first."""

    buckets: tuple[Bucket, ...]
    monthly: bool
    models: tuple[Share, ...]
    agents: tuple[Share, ...]
    people: tuple[Share, ...]
    teams: tuple[Share, ...]

    @property
    def total(self) -> Share:
        """All of it."""
        sums = {name: sum(getattr(a, name) for a in self.agents) for name in _SUMMED}
        return Share(key="", **sums)


class Ads(Value):
    """The ads begun in a range, as a whole: money by step, and what became of it.

    `bins` is how many ads there are by their cost in cents, down to two digits that count.
    """

    bins: dict[int, int]
    prompts: int = 0
    images: int = 0
    approved_images: int = 0
    clips: int = 0
    approved_clips: int = 0
    films: int = 0
    approved_seconds: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    plan_cost: Decimal = Decimal(0)
    image_cost: Decimal = Decimal(0)
    approved_image_cost: Decimal = Decimal(0)
    scene_cost: Decimal = Decimal(0)
    clip_cost: Decimal = Decimal(0)
    approved_clip_cost: Decimal = Decimal(0)
    film_cost: Decimal = Decimal(0)
    rejected_cost: Decimal = Decimal(0)

    def percentile(self, share: Decimal) -> Decimal | None:
        """What this share of the ads cost at most, to two digits; None without ads."""
        least, seen = share * sum(self.bins.values()), 0
        for cents, count in sorted(self.bins.items()):
            seen += count
            if count and seen >= least:
                return Decimal(cents) / 100
        return None


class CostlyAd(Value):
    """An ad and what it cost in all."""

    id: str
    title: str
    owner: str
    stage: str
    failed_stage: str | None
    cost: Decimal


class Pace(Value):
    """All there was, today, and the whole days before that tell how fast it goes."""

    total: Decimal
    today: Decimal
    recent: Decimal
    days: int


class Run(Value):
    """A finished run: what was said before it, and what it came to."""

    session_id: str
    kind: str
    finished_at: datetime
    estimated: Decimal
    actual: Decimal


class Speed(Value):
    """Seconds that the newest successful calls of a model took."""

    model: str
    median: float
    p95: float
    sample: int


class Call(Value):
    """A line of the ledger with whose it is and what it made.

    `estimated` was said before it, `reported` is what the provider's own figures come to.
    """

    id: int
    at: datetime
    session_id: str
    ad: str
    person: str
    team: str
    agent: str
    model: str
    outcome: Outcome
    unit: str
    quantity: Decimal | None
    unit_price: Decimal | None
    cost: Decimal | None
    estimated: Decimal | None
    reported: Decimal | None
    seconds: Decimal
    error: str | None
    asset_id: str | None
    asset_type: str | None


class Choices(Value):
    """What there is to narrow by."""

    people: tuple[str, ...]
    teams: tuple[str, ...]
    models: tuple[str, ...]


class Look(Value):
    """All that the page shows, of one moment; `cap` is the budget of all ads, `ad_cap` of one."""

    cap: Decimal
    ad_cap: Decimal
    spent: Spent
    before: Decimal
    ads: Ads
    costly: tuple[CostlyAd, ...]
    pace: Pace
    runs: tuple[Run, ...]
    speeds: dict[str, Speed]
    calls: tuple[Call, ...]


class ModelDay(Value):
    """A model's settled calls of a day.

    `said` of the `made` ones had an estimate, of `estimated` together. Of `told` ones the provider
    told what it did: `reported` by its figures, while the ledger has `told_logged` for the same
    calls. Of `untold` ones, made or charged, it told nothing.
    """

    day: date
    model: str
    calls: int
    made: int
    unpriced: int
    cost: Decimal
    said: int = 0
    estimated: Decimal = Decimal(0)
    told: int = 0
    untold: int = 0
    reported: Decimal = Decimal(0)
    told_logged: Decimal = Decimal(0)
