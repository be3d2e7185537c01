"""The files of deploy/ and compose.yaml say what is true of the product."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml

from adgen.api.guards import UPLOAD_MAX
from adgen.cli import main
from tests.composing import MissingVariable, interpolate
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
CLUSTER = "1.34"


def secrets(folder: Path) -> dict[str, str]:
    done = subprocess.run(
        ["sh", DEPLOY / "secrets.sh"], cwd=folder, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split())


@pytest.fixture
def compose(tmp_path: Path) -> dict[str, Any]:
    """compose.yaml as it is understood, with made-up secrets."""
    text = interpolate((ROOT / "compose.yaml").read_text("utf-8"), secrets(tmp_path))
    read = compose_spec.PyOptions(apply_merge=True).from_yaml(text)
    read.validate()
    return dict(read.to_dict())


def test_secrets_are_made_once_and_are_all_that_is_missing(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    made = secrets(tmp_path)
    interpolate(text, made)
    for name in made:
        with pytest.raises(MissingVariable, match=rf"{name} .*deploy/secrets\.sh"):
            interpolate(text, {other: value for other, value in made.items() if other != name})
    assert made != secrets(tmp_path)
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\n")
    with pytest.raises(subprocess.CalledProcessError):
        secrets(tmp_path)


def test_compose_waits_for_what_answers_and_keeps_what_counts(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file(), mount
        assert service["restart"] in ("unless-stopped", "on-failure")
        if name != "bucket":
            assert service.get("volumes") or name == "redis", name
            assert service["deploy"]["resources"]["limits"]["memory"]
    published = {name for name, service in services.items() if service.get("ports")}
    assert published == {"web", "proxy"}


def test_compose_names_settings_that_exist(compose: dict[str, Any]) -> None:
    for name in ("web", "worker"):
        environment = compose["services"][name]["environment"]
        assert environment["ADGEN_WORKER"] == "external"
        for setting in environment:
            assert setting in EXAMPLE, setting


def test_compose_holds_no_secret() -> None:
    for line in (ROOT / "compose.yaml").read_text("utf-8").splitlines():
        if re.search(r"(PASSWORD|SECRET|ACCESS_KEY|TOKEN)\w*:", line):
            assert "${" in line, line


def cluster() -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8"))


def test_the_cluster_takes_our_manifests_and_runs_nothing_as_root() -> None:
    for part in cluster():
        kubernetes_validate.validate(part, CLUSTER, strict=True)
        if part["kind"] == "ConfigMap":
            assert all(setting in EXAMPLE for setting in part["data"])
        if part["kind"] == "Deployment":
            pod = part["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            (container,) = pod["containers"]
            assert container["securityContext"]["readOnlyRootFilesystem"]


def commands(compose: dict[str, Any]) -> Iterator[list[str]]:
    """Every `python -m adgen ...` that a deployment runs."""
    for service in compose["services"].values():
        yield from (
            [*service.get("command", [])],
            [*service.get("healthcheck", {}).get("test", [])],
        )
    for part in cluster():
        if part["kind"] == "Deployment":
            for container in part["spec"]["template"]["spec"]["containers"]:
                yield list(container.get("args", []))
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    yield list(container.get(probe, {}).get("exec", {}).get("command", []))
    fly = tomllib.loads((DEPLOY / "fly.toml").read_text("utf-8"))
    yield from map(shlex.split, fly["processes"].values())


def test_every_command_of_ours_that_is_named_exists(
    compose: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ours = {
        tuple(words[words.index("adgen") + 1 :]) for words in commands(compose) if "-m" in words
    }
    assert ours == {("worker",), ("health",), ("health", "worker")}
    for words in ours:
        with pytest.raises(SystemExit) as ended:
            main([words[0], "--help"])
        assert ended.value.code == 0


def test_proxies_let_through_what_the_app_takes() -> None:
    megabytes = UPLOAD_MAX // 1024**2
    assert f"client_max_body_size {megabytes}m;" in (DEPLOY / "nginx.conf").read_text("utf-8")
    assert f"max_size {megabytes}MB" in (DEPLOY / "Caddyfile").read_text("utf-8")
    assert f"proxy-body-size: {megabytes}m" in (DEPLOY / "kubernetes.yaml").read_text("utf-8")


@pytest.mark.drill
def test_drill_caddy_reads_our_file() -> None:
    if not (caddy := shutil.which("caddy")):
        pytest.skip("needs caddy")
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    env = {**os.environ, "ADGEN_DOMAIN": "http://localhost:18499"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
