"""Exports: the same days and cents in every format, chart and answer; nothing acts as a formula."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from adgen import exports
from adgen.commands import Commands
from adgen.domain import Person, Role, SpendFilter
from adgen.errors import InputRejected
from adgen.exports import Format, Table, What, write
from adgen.store.database import Database
from adgen.ui.spend_charts import Ink
from tests.conftest import add_person
from tests.store.ledgers import Ledger

ZONES = ("America/New_York", "Asia/Kathmandu", "Europe/Berlin")
# In New York the 8th has 23 hours, in Berlin the 29th.
NIGHTS = (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC))
MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}
INK = Ink("#000", "#000", "#000", "#fff", "#f00", ("#000",) * 7)
WICKED = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x","y")',
    "  =2",
    "＝1",
)


@pytest.fixture
def analyst(database: Database) -> Person:
    return add_person(database, "analyst@example.com", Role.ANALYST)


@pytest.fixture
def moments(database: Database, analyst: Person) -> list[datetime]:
    """Calls around midnight of each zone, on nights when clocks change, half a dollar each."""
    ledger = Ledger(database)
    ad = ledger.ad(analyst, datetime(2026, 3, 1, tzinfo=UTC))
    # The first and last minutes of days in three zones, and the hour that is not there.
    minutes = (-346, -345, -301, -300, -241, -240, -61, -60, 0, 60, 299, 300, 420, 1094, 1095, 1439)
    moments = [night + timedelta(minutes=m) for night in NIGHTS for m in minutes]
    for moment in moments:
        ledger.call(ad, "compositor", moment)
    return moments


def exported(
    commands: Commands, person: Person, asked: SpendFilter, what: What, form: Format, out: Path
) -> Path:
    made = out / f"{what}.{form}"
    commands.export(person, asked, what, form, made)
    return made


def lines(made: Path, form: Format) -> list[dict[str, Any]]:
    """A file's lines as a reader of its kind sees them."""
    if form is Format.CSV:
        return list(csv.DictReader(io.StringIO(made.read_text("utf-8-sig"))))
    if form is Format.JSON:
        rows: list[dict[str, Any]] = json.loads(made.read_text())["rows"]
        return rows
    if form is Format.PARQUET:
        return list(pq.read_table(made).to_pylist())
    sheet = load_workbook(made).worksheets[0]
    head, *rest = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rest]


def by_day(rows: list[dict[str, Any]]) -> dict[date, Decimal]:
    """What each day came to."""
    days: defaultdict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        cost = Decimal(str(row["cost_usd"] or 0))
        if cost:
            day = row["day"]
            as_day = day.date() if isinstance(day, datetime) else date.fromisoformat(str(day))
            days[as_day] += cost
    return dict(days)


def test_days_without_calls_are_lines_too(
    commands: Commands, analyst: Person, moments: list[datetime], tmp_path: Path
) -> None:
    asked = SpendFilter(**MARCH)
    made = exported(commands, analyst, asked, What.DAYS, Format.JSON, tmp_path)
    days = [row["day"] for row in lines(made, Format.JSON)]
    assert len(days) == 31
    assert moments


def wicked_table() -> Table:
    return Table(
        {"words": str, "cost": Decimal}, [(w, Decimal("0.1")) for w in WICKED], {"=a": "=b"}
    )


def test_nothing_in_excel_is_a_formula(tmp_path: Path) -> None:
    write(wicked_table(), Format.XLSX, out := tmp_path / "x.xlsx")
    for sheet in load_workbook(out).worksheets:
        for row in sheet.iter_rows():
            assert {cell.data_type for cell in row} <= {"s", "n"}
    first = [row[0].value for row in load_workbook(out).worksheets[0].iter_rows(min_row=2)]
    assert [str(word).strip() for word in first] == [word.strip() for word in WICKED]


def test_nothing_in_csv_is_a_formula(tmp_path: Path) -> None:
    write(wicked_table(), Format.CSV, out := tmp_path / "x.csv")
    text = out.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    # Behind a tab another spreadsheet begins the next cell.
    kept = [f"'{word}".replace("\t=", "\t'=").replace("\r=", "\r'=") for word in WICKED]
    assert [row[0] for row in rows] == kept
    # A number below zero is one, and no text.
    assert {row[1] for row in rows} == {"0.1"}


def test_unknown_prices_stay_gaps(
    commands: Commands, database: Database, analyst: Person, tmp_path: Path
) -> None:
    ledger = Ledger(database)
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ad = ledger.ad(analyst, at, "=Oak\x00 chair".replace("\x00", ""))
    ledger.settle(ledger.open(ad, "video_generator", at, None), error="@refused")
    for form, gap in {
        Format.CSV: "",
        Format.JSON: None,
        Format.PARQUET: None,
        Format.XLSX: None,
    }.items():
        made = exported(commands, analyst, SpendFilter(), What.CALLS, form, tmp_path)
        [line] = lines(made, form)
        assert line["cost_usd"] == gap
        made = exported(commands, analyst, SpendFilter(), What.DAYS, form, tmp_path)
        assert int(lines(made, form)[0]["unpriced_calls"]) == 1


def test_more_lines_than_excel_holds_are_refused_with_what_would_do(
    commands: Commands, analyst: Person, moments: list[datetime], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(exports, "XLSX_MOST", len(moments) - 1)
    with pytest.raises(InputRejected, match="shorter range, or CSV or Parquet"):
        exported(commands, analyst, SpendFilter(), What.CALLS, Format.XLSX, tmp_path)
