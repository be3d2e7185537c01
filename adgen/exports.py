"""Calls and daily totals as files: CSV, JSON, Parquet and Excel, every cent as it is kept."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from adgen.agents import STEPS
from adgen.domain import SpendFilter, Value
from adgen.errors import InputRejected
from adgen.sheets import harmless
from adgen.store.spend_facts import Bucket, Call, Spent


class Format(StrEnum):
    """What a file may be."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"


class What(StrEnum):
    """What is in it: a line a call, or a line a day."""

    CALLS = "calls"
    DAYS = "days"


CONTENT_TYPES = {
    Format.CSV: "text/csv",
    Format.JSON: "application/json",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Kind = type[str] | type[datetime] | type[date] | type[Decimal] | type[int]
# Excel ends there, with one line for the names.
XLSX_MOST = 1_048_575
_CELL_MOST = 32_767
# What no XML may hold.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BATCH = 2000
_DAYS_MOST = 3660


class Table(NamedTuple):
    """Columns by name, and lines that are read once. None is a gap: unknown, not nothing."""

    columns: dict[str, Kind]
    rows: Iterable[Sequence[Any]]
    about: dict[str, str]


_CALLS: dict[str, Kind] = {
    "time": datetime,
    "day": date,
    "ad": str,
    "ad_id": str,
    "person": str,
    "team": str,
    "step": str,
    "model": str,
    "outcome": str,
    "unit": str,
    "units": Decimal,
    "unit_price_usd": Decimal,
    "cost_usd": Decimal,
    "seconds": Decimal,
    "error": str,
    "asset_id": str,
    "estimated_usd": Decimal,
    "reported_usd": Decimal,
}


def calls_table(calls: Iterable[Call], asked: SpendFilter) -> Table:
    """A line a call, newest first; `day` is the day in the zone asked for."""
    zone = ZoneInfo(asked.zone)
    rows = (
        (
            *(call.at, call.at.astimezone(zone).date(), call.ad, call.session_id, call.person),
            *(call.team, call.agent, call.model, call.outcome.value, call.unit, call.quantity),
            *(call.unit_price, call.cost, call.seconds, call.error, call.asset_id),
            *(call.estimated, call.reported),
        )
        for call in calls
    )
    return Table(_CALLS, rows, _about(asked))


class Day(Value):
    """The calls of a day of the zone; `by_agent` has what each step cost."""

    day: date
    calls: int
    unpriced: int
    cost: Decimal
    by_agent: dict[str, Decimal]


def days_of(spent: Spent, asked: SpendFilter) -> list[Day]:
    """Every day of the range, those without calls too; of a very long one what holds calls."""
    of: defaultdict[date, list[Bucket]] = defaultdict(list)
    for bucket in spent.buckets:
        of[bucket.day].append(bucket)
    if not of:
        return []
    first, last = asked.since or min(of), asked.until or max(of)
    if (last - first).days > _DAYS_MOST:
        first, last = min(of), max(of)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [_day(day, of.get(day, ())) for day in days]


def _day(day: date, buckets: Sequence[Bucket]) -> Day:
    return Day(
        day=day,
        calls=sum(bucket.calls for bucket in buckets),
        unpriced=sum(bucket.unpriced for bucket in buckets),
        cost=sum((bucket.cost for bucket in buckets), Decimal(0)),
        by_agent={bucket.agent: bucket.cost for bucket in buckets},
    )


def days_table(spent: Spent, asked: SpendFilter) -> Table:
    """A line a day, with a column for what each step cost."""
    agents = list(dict.fromkeys([*STEPS, *(share.key for share in spent.agents)]))
    columns: dict[str, Kind] = {"day": date, "calls": int, "unpriced_calls": int}
    columns |= dict.fromkeys(["cost_usd", *(f"{agent}_usd" for agent in agents)], Decimal)
    rows = (
        (
            *(day.day, day.calls, day.unpriced, day.cost),
            *(day.by_agent.get(agent, Decimal(0)) for agent in agents),
        )
        for day in days_of(spent, asked)
    )
    return Table(columns, rows, _about(asked))


def _about(asked: SpendFilter) -> dict[str, str]:
    """What was asked for, to stand in the file where the format has a place for it."""
    said = asked.model_dump(mode="json", exclude_defaults=True)
    narrowed = {name: ", ".join(v) if isinstance(v, list) else str(v) for name, v in said.items()}
    return {**narrowed, "zone": asked.zone, "demo": str(asked.demo).lower()}


def file_name(what: What, asked: SpendFilter, form: Format) -> str:
    """Such as `adgen-days-2026-11-01-to-2026-11-30.csv`."""
    span = "-to-".join(day.isoformat() for day in (asked.since, asked.until) if day) or "all"
    return f"adgen-{what}-{span}.{form}"


def check_size(lines: int, form: Format) -> None:
    """Raise InputRejected when the format cannot hold so many lines."""
    if form is Format.XLSX and lines > XLSX_MOST:
        raise InputRejected(
            f"These are {lines:,} lines, and Excel holds {XLSX_MOST:,}. Choose a shorter range, "
            "or CSV or Parquet."
        )


def write(table: Table, form: Format, out: Path) -> None:
    """Put the table into a new file."""
    _WRITERS[form](table, out)


def _csv(table: Table, out: Path) -> None:
    # Spreadsheets take UTF-8 for it only with this mark.
    with out.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows(map(_csv_cell, row) for row in table.rows)


def _csv_cell(value: Any) -> str:
    return harmless(value) if isinstance(value, str) else _word(value) or ""


def _word(value: Any) -> str | None:
    """A value as text: money as decimals, times in UTC."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else str(value)


def _json(table: Table, out: Path) -> None:
    with out.open("w", encoding="utf-8", errors="replace") as file:
        file.write(json.dumps(table.about)[:-1] + ', "rows": [')
        for number, row in enumerate(table.rows):
            cells = zip(table.columns, row, strict=True)
            line = {name: v if isinstance(v, int) else _word(v) for name, v in cells}
            file.write((",\n" if number else "\n") + json.dumps(line, ensure_ascii=False))
        file.write("\n]}\n")


def _parquet(table: Table, out: Path) -> None:
    # Large, and of no use to anybody who exports nothing.
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), datetime: pa.timestamp("us", "UTC"), date: pa.date32()}
    kinds |= {Decimal: pa.decimal128(24, 6), int: pa.int64()}
    fields = [pa.field(name, kinds[kind]) for name, kind in table.columns.items()]
    schema = pa.schema(fields, metadata=table.about)
    rows = iter(table.rows)
    with pq.ParquetWriter(out, schema) as file:
        while batch := list(islice(rows, _BATCH)):
            columns = zip(zip(*batch, strict=True), fields, strict=True)
            arrays = [pa.array(column, field.type) for column, field in columns]
            file.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


_FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", Decimal: "0.00####", int: "#,##0"}
_WIDTHS = {datetime: 20, date: 12, Decimal: 14, int: 10}


def _xlsx(table: Table, out: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Costs")
    sheet.freeze_panes = "A2"
    for number, (name, kind) in enumerate(table.columns.items()):
        letters = chr(ord("A") + number)
        sheet.column_dimensions[letters].width = max(_WIDTHS.get(kind, 24), len(name) + 2)
    head = [_xlsx_cell(sheet, name, str) for name in table.columns]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    kinds = [*table.columns.values()]
    for row in table.rows:
        sheet.append([_xlsx_cell(sheet, v, kind) for v, kind in zip(row, kinds, strict=True)])
    notes = book.create_sheet("About")
    for name, words in table.about.items():
        notes.append([_xlsx_cell(notes, name, str), _xlsx_cell(notes, words, str)])
    book.save(out)


def _xlsx_cell(sheet: Any, value: Any, kind: Kind) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None:
        return None
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, _UNSEEN.sub("", value)[:_CELL_MOST])
        # Also what begins like a formula is words.
        cell.data_type = "s"
        return cell
    cell = WriteOnlyCell(sheet, value.replace(tzinfo=None) if kind is datetime else value)
    cell.number_format = _FORMATS[kind]
    return cell


_WRITERS: dict[Format, Callable[[Table, Path], None]] = {
    Format.CSV: _csv,
    Format.JSON: _json,
    Format.PARQUET: _parquet,
    Format.XLSX: _xlsx,
}
