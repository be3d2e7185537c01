"""`python -m adgen doctor` on hosted models: what of the catalogue this account cannot use."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adgen.providers.catalogue import catalogue
from adgen.store.database import Database
from tests.conftest import free_port
from tests.replicate_server import ReplicateServer
from tests.replicate_server.schemas import MODELS
from tests.test_cli import adgen

HOSTED = [spec for spec in catalogue().values() if spec.door == "replicate"]


@pytest.fixture
def fake() -> Iterator[ReplicateServer]:
    with ReplicateServer() as made:
        yield made


@dataclasses.dataclass
class Doctor:
    """The command, on a database that runs and a service that is a fake."""

    home: Path
    database: Database
    fake: ReplicateServer

    def ask(self, **env: str) -> subprocess.CompletedProcess[str]:
        run = adgen(
            self.home, "doctor", **{**self.fake.env, "DATABASE_URL": self.database.url, **env}
        )
        assert "Traceback" not in run.stdout + run.stderr
        assert env.get("REPLICATE_API_TOKEN", self.fake.token) not in run.stdout + run.stderr
        return run


@pytest.fixture
def doctor(database: Database, tmp_path: Path, fake: ReplicateServer) -> Doctor:
    return Doctor(tmp_path / "home", database, fake)


def failures(run: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in run.stdout.splitlines() if line.startswith("FAIL")]


def test_all_is_well(doctor: Doctor) -> None:
    run = doctor.ask()
    assert (run.returncode, failures(run)) == (0, []), run.stdout
    assert "adgen-tests" in run.stdout
    for spec in HOSTED:
        assert f"{spec.label} ({spec.name})" in run.stdout
    # It only looks; nothing is ordered and nothing uploaded.
    assert {method for method, _, _ in doctor.fake.requests} == {"GET"}


def test_without_a_database_every_other_part_is_looked_at(doctor: Doctor) -> None:
    run = doctor.ask(DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert "FAIL  database" in run.stdout
    assert "FAIL  worker    Workers cannot be counted" in run.stdout
    assert run.returncode == 1


def test_every_model_that_this_account_cannot_reach_is_named(doctor: Doctor) -> None:
    gone = {spec.name for spec in HOSTED[::2]}
    doctor.fake.gone |= gone
    run = doctor.ask()
    told = failures(run)
    assert run.returncode == 1
    assert len(told) == len(HOSTED[::2])
    for name in gone:
        assert any(f"({name}) is not available" in line for line in told), name
    assert run.stdout.count("ok    model") == len(HOSTED) - len(told)


def test_a_version_that_is_gone_is_named(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "stability-ai/sdxl"
    newer = dataclasses.replace(MODELS[name], versions=("f" * 64,))
    monkeypatch.setitem(MODELS, name, newer)
    run = doctor.ask()
    assert run.returncode == 1
    assert [name in line for line in failures(run)] == [True]


def test_fields_that_a_live_model_does_not_take_are_named_with_where_to_mend_them(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, *lost in (
        ("black-forest-labs/flux-pro", "output_quality", "image_prompt"),
        ("christophy/stable-video-diffusion", "motion_bucket_id"),
    ):
        fields = {field: f for field, f in MODELS[name].fields.items() if field not in lost}
        monkeypatch.setitem(MODELS, name, dataclasses.replace(MODELS[name], fields=fields))
    run = doctor.ask()
    flux, svd = failures(run)
    assert run.returncode == 1
    assert "black-forest-labs/flux-pro" in flux
    assert "no longer takes image_prompt, output_quality." in flux
    assert "christophy/stable-video-diffusion" in svd
    assert "no longer takes motion_bucket_id." in svd
    assert "adgen/providers/models.toml" in svd


def test_a_wrong_token_is_said(doctor: Doctor) -> None:
    run = doctor.ask(REPLICATE_API_TOKEN="r8_ofSomebodyElse")
    [account, *models] = failures(run)
    assert run.returncode == 1
    assert "does not accept the API token" in account
    assert len(models) == len(HOSTED)
    assert "ok    database" in run.stdout


def test_a_service_out_of_reach_is_said(doctor: Doctor) -> None:
    run = doctor.ask(REPLICATE_BASE_URL=f"http://127.0.0.1:{free_port()}")
    told = failures(run)
    assert run.returncode == 1
    assert len(told) == 1 + len(HOSTED)
    assert all("cannot be reached" in line for line in told)
