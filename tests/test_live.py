"""`make live` against the fake: it refuses unless meant, sees what it should, and stops in time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from adgen.providers.catalogue import load_model
from tests import live
from tests.conftest import ROOT, clean_env
from tests.replicate_server import Fault, ReplicateServer

LLAMA = "meta/meta-llama-3.1-70b-instruct"
SCHNELL, SDXL = "black-forest-labs/flux-schnell", "stability-ai/sdxl"


@pytest.fixture
def fake() -> Iterator[ReplicateServer]:
    with ReplicateServer() as made:
        yield made


def look(home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    # Elsewhere than where a developer's .env lies; and these tests do run in CI.
    run = subprocess.run(
        [sys.executable, "-m", "tests.live"],
        cwd=home,
        env=clean_env(home, **{"CI": "", "PYTHONPATH": str(ROOT), **env}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in run.stderr
    assert "r8_" not in run.stdout + run.stderr
    return run


def test_it_looks_at_everything_for_less_than_a_cent(fake: ReplicateServer, tmp_path: Path) -> None:
    run = look(tmp_path, ADGEN_LIVE="yes", **fake.env)
    assert run.returncode == 0, run.stdout + run.stderr
    seen = [line.split()[:2] for line in run.stdout.splitlines() if line.startswith("ok ")]
    steps = ("account", "models", "upload", "text", "find", "picture", "find", "stopped")
    assert seen == [["ok", step] for step in steps]
    assert "At most $0.0040 by the catalogue's prices" in run.stdout
    assert [creation.model for creation in fake.creations] == [LLAMA, SCHNELL, SDXL]
    assert fake.creations[-1].headers["cancel-after"] == "30s"
    assert fake.active() == 0
    assert fake.tokens_seen_at_delivery == []


def test_it_tells_the_price_and_does_nothing_unless_it_is_meant(
    fake: ReplicateServer, tmp_path: Path
) -> None:
    run = look(tmp_path, **fake.env)
    assert (run.returncode, fake.requests) == (1, [])
    assert "At most $0.0560 in all; it stops before $0.10." in run.stdout
    assert "live: set ADGEN_LIVE=yes to spend that. Nothing was ordered." in run.stderr
    run = look(tmp_path, ADGEN_LIVE="yes", CI="true", **fake.env)
    assert (run.returncode, fake.requests) == (1, [])
    assert "never runs in CI" in run.stderr
    run = look(tmp_path, ADGEN_LIVE="yes")
    assert run.returncode == 1
    assert "set REPLICATE_API_TOKEN" in run.stderr


def test_a_wrong_token_ends_it(fake: ReplicateServer, tmp_path: Path) -> None:
    run = look(tmp_path, ADGEN_LIVE="yes", **{**fake.env, "REPLICATE_API_TOKEN": "r8_other"})
    assert run.returncode == 1
    assert "does not accept the API token" in run.stdout
    assert fake.creations == []


def test_what_is_not_as_it_should_be_is_told_and_the_rest_is_looked_at(
    fake: ReplicateServer, tmp_path: Path
) -> None:
    fake.gone.add(LLAMA)
    fake.script(Fault.HIDDEN_FROM_LIST, model=SCHNELL, seconds=600)
    fake.script(Fault.NO_CREDIT, model=SDXL)
    waits = {"ADGEN_CREATE_TIMEOUT_S": "1", "ADGEN_RECONCILE_WAIT_S": "1.5"}
    run = look(tmp_path, ADGEN_LIVE="yes", **fake.env, **waits)
    assert run.returncode == 1
    marks = [" ".join(line.split()[:2]) for line in run.stdout.splitlines()]
    for mark in ("note models", "note text", "ok text", "FAIL find", "ok picture", "FAIL stopped"):
        assert mark in marks, run.stdout
    assert "Add credit" in run.stdout


def test_it_never_orders_what_could_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    purse = live.Purse()
    dear = load_model("black-forest-labs/flux-1.1-pro")
    for _ in range(2):
        purse.reserve(dear)
    with pytest.raises(live.Refused, match=r"could pass \$0.10"):
        purse.reserve(dear)
    # What was not charged may be spent again; what is unknown may not.
    assert purse.settle(dear, None) is None
    with pytest.raises(live.Refused):
        purse.reserve(dear)
    assert purse.settle(dear, Decimal(0)) == 0
    purse.reserve(dear)
    assert purse.spent == Decimal("0.08")
    unpriced = dear.model_copy(update={"price": None})
    with pytest.raises(live.Refused, match="is unknown"):
        purse.reserve(unpriced)


def test_a_plan_that_could_cost_more_is_not_begun(
    fake: ReplicateServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for name, value in {**fake.env, "ADGEN_LIVE": "yes"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(live, "CAP", Decimal("0.05"))
    assert live.main() == 1
    assert "could cost more than $0.05. Nothing was ordered." in capsys.readouterr().err
    assert fake.requests == []
