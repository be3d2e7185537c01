"""`python -m adgen costs`: a file of days, and a bill that does not agree."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from adgen import cli
from adgen.commands import Commands
from adgen.domain import Person
from adgen.store.database import Database
from tests.store.ledgers import Ledger

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _stack(
    commands: Commands, database: Database, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(database)
    ledger.call(ledger.ad(person, NOON), "compositor", NOON)
    stack = SimpleNamespace(commands=commands, start=lambda **_: None, stop=lambda: None)
    monkeypatch.setattr(cli, "Stack", lambda: stack)


def test_days_become_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "days.json"
    words = ["--what", "days", "--format", "json", "--tz", "Pacific/Auckland", "--out", str(out)]
    assert cli.main(["costs", "export", *words, "--from", "2026-03-10", "--to", "2026-03-11"]) == 0
    told = json.loads(out.read_text())
    assert [(row["day"], row["cost_usd"]) for row in told["rows"]] == [
        ("2026-03-10", "0"),
        ("2026-03-11", "0.500000"),
    ]
    assert "days of Pacific/Auckland" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["days.json"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tz", "Mars/Base"], "Mars/Base is no time zone"),
        (["--out", "/nowhere/at/all.csv"], "--out /nowhere/at/all.csv cannot be written"),
    ],
)
def test_what_cannot_work_is_one_line(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["costs", "export", "--out", str(tmp_path / "x.csv"), *words]) == 1
    assert why in capsys.readouterr().err


def test_a_bill_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("date,model,amount\n2026-03-10,adgen/cut,0.50\n")
    assert cli.main(["costs", "reconcile", str(bill)]) == 0
    bill.write_text("date,model,amount\n2026-03-10,adgen/cut,0.75\n")
    assert cli.main(["costs", "reconcile", str(bill)]) == 1
    assert "logged $0.5000, billed $0.7500" in capsys.readouterr().out
    assert cli.main(["costs", "reconcile", str(tmp_path / "none.csv")]) == 1
