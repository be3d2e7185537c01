"""Whether the ledger and the suppliers say the same: estimate, ledger, report, bill."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from adgen.domain import Value
from adgen.errors import InputRejected
from adgen.providers.catalogue import ModelSpec, catalogue, label_of
from adgen.store.spend_facts import ModelDay

BILL_MAX = 5 * 1024 * 1024
# What columns are called on bills; the first name that is part of a heading counts.
_COLUMNS = {
    "day": ("date", "day", "time", "period", "created", "datum"),
    "model": ("model", "sku", "description", "product", "service", "item"),
    "amount": ("amount", "cost", "total", "charge", "price", "usd", "betrag"),
    "quantity": ("quantity", "units", "usage", "count", "qty", "menge"),
}
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%b %d, %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%Y%m%d",
)
# A comma before the cents, as much of Europe writes it; three digits after one are thousands.
_COMMA = re.compile(r"[\d.]*,(\d{1,2}|\d{4,})")
_MONEY = re.compile(r"[^\d.,()\-]")


class BillLine(Value):
    """What a supplier asks for a model on a day."""

    day: date
    model: str
    quantity: Decimal | None
    amount: Decimal


class Bill(Value):
    """A bill as it was read; `skipped` says of each line that was not, why."""

    lines: tuple[BillLine, ...]
    skipped: tuple[str, ...]


class ModelCheck(Value):
    """A model over the whole range. None is unknown, and for `billed` that there is no bill.

    `estimated` is what the calls that brought something were expected to cost when they were
    ordered, `logged` what the ledger has. `reported` is what the supplier's own figures come to at
    the prices of then, `told_logged` what the ledger has for the same calls; of `unreported` calls,
    made or charged, the supplier told nothing (None: made here, where there is no supplier).
    """

    model: str
    label: str
    calls: int
    unpriced: int
    estimated: Decimal | None
    logged: Decimal
    reported: Decimal | None
    told_logged: Decimal
    unreported: int | None
    billed: Decimal | None

    @property
    def off_estimate(self) -> Decimal | None:
        """How far the ledger is from the estimate; a share."""
        return _off(self.logged if self.calls > self.unpriced else None, self.estimated)

    @property
    def off_report(self) -> Decimal | None:
        """How far it is from the supplier's own figures, of the calls that have any; a share."""
        return _off(self.told_logged, self.reported)

    @property
    def off_bill(self) -> Decimal | None:
        """How far it is from the bill; a share."""
        return _off(self.logged, self.billed)


def _off(logged: Decimal | None, against: Decimal | None) -> Decimal | None:
    return None if logged is None or not against else (logged - against) / against


class DayCheck(Value):
    """A model on a day where bill and ledger differ; None where one of them has nothing."""

    day: date
    model: str
    label: str
    logged: Decimal | None
    billed: Decimal | None
    calls: int
    quantity: Decimal | None


class Reconciled(Value):
    """The comparison, largest sums first; days only where there is a bill."""

    models: tuple[ModelCheck, ...]
    days: tuple[DayCheck, ...]
    agreeing: int

    @property
    def unpriced(self) -> int:
        """Calls whose price is not known; they are in no sum."""
        return sum(one.unpriced for one in self.models)

    @property
    def unreported(self) -> int:
        """Calls of which the supplier told nothing."""
        return sum(one.unreported or 0 for one in self.models)


def read_bill(data: bytes) -> Bill:
    """A supplier's CSV, with columns for date, model and amount under any usual name.

    Raises InputRejected when it is no such table.
    """
    if len(data) > BILL_MAX:
        raise InputRejected(f"The bill is larger than {BILL_MAX // 1024**2} MB. Split it by month.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    text = text.replace("\x00", "")
    head, _, _ = text.lstrip().partition("\n")
    mark = max(",;\t|", key=head.count)
    rows = csv.reader(io.StringIO(text.lstrip()), delimiter=mark)
    try:
        places = _places(next(rows, []))
        return _read(rows, places)
    except csv.Error as error:
        raise InputRejected(f"The bill cannot be read as CSV ({error}).") from error


def _places(names: Sequence[str]) -> dict[str, int]:
    """Which column is which."""
    headings = [name.strip().lower() for name in names]
    places: dict[str, int] = {}
    for column, words in _COLUMNS.items():
        found = (
            place
            for word in words
            for place, heading in enumerate(headings)
            if word in heading and place not in places.values()
        )
        place = next(found, None)
        if place is not None:
            places[column] = place
    if missing := [name for name in ("day", "model", "amount") if name not in places]:
        wanted = ", ".join("date" if name == "day" else name for name in missing)
        raise InputRejected(
            f"The bill has no column for {wanted}. It needs a first line with date, model and "
            "amount; a quantity is welcome."
        )
    return places


def _read(rows: Iterable[Sequence[str]], places: dict[str, int]) -> Bill:
    lines: list[BillLine] = []
    skipped: list[str] = []
    for number, row in enumerate(rows, 2):
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in places.items()}
        if not any(cells.values()):
            continue
        day, amount = _day(cells["day"]), _number(cells["amount"])
        if day is None or amount is None or not cells["model"]:
            what = "date" if day is None else "amount" if amount is None else "model"
            skipped.append(f"Line {number} has no {what} that can be read.")
            continue
        quantity = _number(cells.get("quantity", ""))
        model = _known(cells["model"])
        lines.append(BillLine(day=day, model=model, quantity=quantity, amount=amount))
    if not lines:
        raise InputRejected("No line of the bill can be read. " + " ".join(skipped[:1]))
    return Bill(lines=tuple(lines), skipped=tuple(skipped))


def _day(text: str) -> date | None:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a day has no zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text.replace(" UTC", "+00:00")).date()
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    """A sum such as $1,234.50, 1.234,50 or (0.40); None when it is none."""
    digits = _MONEY.sub("", text)
    negative = digits.startswith(("(", "-"))
    digits = digits.strip("()-")
    if _COMMA.fullmatch(digits):
        digits = digits.replace(".", "").replace(",", ".")
    try:
        value = Decimal(digits.replace(",", ""))
    except InvalidOperation:
        return None
    return -value if negative else value


def _known(name: str) -> str:
    """The model's ref as the ledger has it, by its ref, owner/name, name or label."""
    wanted = name.strip().lower()
    for match in (
        lambda ref: ref.lower() == wanted,
        lambda ref: ref.partition(":")[0].lower() == wanted.partition(":")[0],
        lambda ref: label_of(ref).lower() == wanted,
        lambda ref: label_of(ref).partition(" (")[0].lower() == wanted,
        lambda ref: ref.partition(":")[0].rpartition("/")[2].lower() == wanted,
    ):
        if found := next(filter(match, catalogue()), None):
            return found
    return name.strip()


def compare(logged: Sequence[ModelDay], bill: Bill | None = None) -> Reconciled:
    """Ledger and bill side by side, by model and by day."""
    billed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in bill.lines if bill else ():
        billed[line.model] += line.amount
    of: defaultdict[str, list[ModelDay]] = defaultdict(list)
    for one in logged:
        of[one.model].append(one)
    models = [
        _check(model, of[model], billed.get(model, Decimal(0)) if bill else None)
        for model in {**of, **billed}
    ]
    days, agreeing = _days(logged, bill) if bill else ((), 0)
    largest = sorted(models, key=lambda m: (-max(m.logged, m.billed or Decimal(0)), m.label))
    return Reconciled(
        models=tuple(largest),
        days=days,
        agreeing=agreeing,
    )


def _check(model: str, days: Sequence[ModelDay], billed: Decimal | None) -> ModelCheck:
    spec = catalogue().get(model)
    here = spec is not None and spec.door == "offline"
    count = {name: sum(getattr(one, name) for one in days) for name in _COUNTS}
    cost = {name: sum((getattr(one, name) for one in days), Decimal(0)) for name in _COSTS}
    return ModelCheck(
        model=model,
        label=label_of(model),
        calls=count["calls"],
        unpriced=count["unpriced"],
        estimated=_estimated(spec, cost["estimated"], count["made"] - count["said"]),
        logged=cost["cost"],
        reported=cost["reported"] if count["told"] else None,
        told_logged=cost["told_logged"],
        unreported=None if here else count["untold"],
        billed=billed,
    )


_COUNTS = ("calls", "made", "unpriced", "said", "told", "untold")
_COSTS = ("cost", "estimated", "reported", "told_logged")


def _estimated(spec: ModelSpec | None, said: Decimal, unsaid: int) -> Decimal | None:
    """What was said, and for calls from before that was kept, what would be said today."""
    if not unsaid:
        return said
    if spec is None or spec.expected_cost is None:
        return None
    return said + spec.expected_cost * unsaid


def _days(logged: Sequence[ModelDay], bill: Bill) -> tuple[tuple[DayCheck, ...], int]:
    """The days on which they differ by a cent or more, and on how many they do not."""
    ours = {(one.day, one.model): one for one in logged}
    theirs: defaultdict[tuple[date, str], list[BillLine]] = defaultdict(list)
    for line in bill.lines:
        theirs[line.day, line.model].append(line)
    differing, agreeing = [], 0
    for day, model in sorted({*ours, *theirs}):
        own, lines = ours.get((day, model)), theirs.get((day, model), [])
        amount = sum((line.amount for line in lines), Decimal(0))
        if abs((own.cost if own else Decimal(0)) - amount) < Decimal("0.01"):
            agreeing += 1
            continue
        counted = [line.quantity for line in lines if line.quantity is not None]
        differing.append(
            DayCheck(
                day=day,
                model=model,
                label=label_of(model),
                logged=own.cost if own else None,
                billed=amount if lines else None,
                calls=own.calls if own else 0,
                quantity=sum(counted, Decimal(0)) if counted else None,
            )
        )
    return tuple(differing), agreeing


def in_words(found: Reconciled) -> Iterator[str]:
    """The comparison as lines of text."""
    names = "".join(f" {name:>12}" for name in ("estimated", "logged", "reported", "billed"))
    yield f"{'model':34} {'calls':>7}{names} {'off bill':>9}"
    for one in found.models:
        off = "" if one.off_bill is None else f"{100 * one.off_bill:+.1f} %"
        four = (one.estimated, one.logged, one.reported, one.billed)
        sums = "".join(f" {'–' if sum_ is None else _dollars(sum_):>12}" for sum_ in four)
        yield f"{one.label[:34]:34} {one.calls:>7,}{sums} {off:>9}"
    if found.unpriced:
        yield f"{found.unpriced:,} calls have no known price and are in no sum."
    if found.unreported:
        yield f"Of {found.unreported:,} calls the supplier told nothing itself."
    yield f"{found.agreeing:,} days agree to the cent, {len(found.days):,} do not."
    for day in found.days:
        sums = f"logged {_dollars(day.logged)}, billed {_dollars(day.billed)}"
        yield f"{day.day}  {day.label[:34]:34} {sums}"


def _dollars(amount: Decimal | None) -> str:
    return "nothing" if amount is None else f"${amount:,.4f}"
