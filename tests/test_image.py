"""The image: what goes into it, how it runs, and as a drill every step of its Dockerfile."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from adgen import health
from tests.building import NEEDED, Image, bare_debian, build
from tests.conftest import PASSWORD, ROOT, App, clean_env, free_port, until
from tests.dockerfile import is_ignored, read_dockerfile, read_ignored

ARGUMENTS, STAGES = read_dockerfile(ROOT / "Dockerfile")
LAST = STAGES[-1]
HIDDEN = read_ignored(ROOT / ".dockerignore")


def test_a_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_stage_begins_from_one_base_pinned_to_its_patch() -> None:
    assert {stage.base for stage in STAGES} == {ARGUMENTS["BASE"]}
    image, _, tag = ARGUMENTS["BASE"].partition(":")
    assert image == "python"
    assert tag.count(".") == 2


def test_what_is_copied_exists_and_nothing_else_is_sent() -> None:
    for stage in STAGES:
        for step in stage.of("COPY"):
            sources = [word for word in step.words if not word.startswith("--")][:-1]
            for source in sources if "from" not in step.flags else []:
                assert (ROOT / source).exists(), source
    secret = ".git/config .env .env.local .venv/x .adgen/postgres/x tests/conftest.py docs/api.md"
    for name in [*secret.split(), "adgen/__pycache__/cli.pyc", "compose.yaml", "x.pem"]:
        assert is_ignored(HIDDEN, name), name


def test_all_of_the_product_is_sent() -> None:
    kept = [*(ROOT / "adgen").rglob("*"), *(ROOT / "pages").rglob("*"), ROOT / "app.py"]
    for path in (path for path in kept if path.is_file() and "__pycache__" not in path.parts):
        assert not is_ignored(HIDDEN, path.relative_to(ROOT).as_posix()), path


def test_packages_are_those_of_the_pins() -> None:
    installs = [step.rest for stage in STAGES for step in stage.of("RUN") if "pip" in step.rest]
    assert len(installs) == 1
    assert "-r requirements.txt -c constraints.txt" in installs[0]
    assert "--no-cache-dir" in installs[0]


def test_it_runs_as_nobody_special_and_takes_signals_itself() -> None:
    user = LAST.last("USER").rest
    assert all(part.isdigit() and int(part) >= 10000 for part in user.split(":"))
    # Nothing of ours is changed by the one who runs it: it is copied before, by root.
    assert LAST.steps.index(LAST.last("USER")) > LAST.steps.index(LAST.last("COPY"))
    assert json.loads(LAST.last("ENTRYPOINT").rest) == ["tini", "--"]
    assert json.loads(LAST.last("CMD").rest)[2].startswith("exec streamlit run app.py ")
    assert LAST.last("VOLUME").rest in LAST.last("ENV").rest


def test_no_layer_has_a_secret() -> None:
    for stage in STAGES:
        for step in [*stage.of("ARG"), *stage.of("ENV"), *stage.of("RUN")]:
            words = step.rest.upper()
            assert not any(word in words for word in ("TOKEN", "PASSWORD", "SECRET", "_KEY")), words


def test_what_is_trimmed_is_still_where_it_was() -> None:
    spec = importlib.util.spec_from_file_location("trim", ROOT / "deploy" / "trim.py")
    assert spec
    assert spec.loader
    trim = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(trim)
    gone = {path.name for path in trim.unused(Path(sysconfig.get_paths()["purelib"]))}
    assert {"tests", "nbextension", "pginstall", "ec2"} <= gone
    assert not gone & {"s3", "sts", "pginstall18"}


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def asked(*words: str, home: Path = tmp_path, port: int = 0) -> Asked:
        command = [sys.executable, "-m", "adgen", "health", *words]
        env = clean_env(home, PORT=str(port))
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)

    return asked


Asked = subprocess.CompletedProcess[str]


def test_health_asks_the_web_and_the_worker(app: App, ask: Callable[..., Asked]) -> None:
    assert ask(port=app.port).returncode == 0
    assert ask("worker", home=app.home).returncode == 0
    nobody = ask(port=free_port())
    assert nobody.returncode == 1
    assert "nothing answers" in nobody.stderr
    nobody = ask("worker")
    assert nobody.returncode == 1
    assert "no worker has begun here" in nobody.stderr


def test_a_worker_that_is_silent_is_not_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Callable[..., Asked]
) -> None:
    monkeypatch.setenv("ADGEN_HOME", str(tmp_path))
    health.beat()
    assert ask("worker").returncode == 0
    long_ago = time.time() - health.BEAT_MAX_S - 10
    os.utime(health.beat_file(), (long_ago, long_ago))
    assert "last heard of" in ask("worker").stderr
    health.end_beat()
    assert ask("worker").returncode == 1


# The drill


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Our image, built on a bare Debian."""
    missing = [tool for tool in NEEDED if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root and {', '.join(missing or NEEDED)}")
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    base, began = bare_debian(folder), time.monotonic()
    image = build(folder, base)
    print(f"\nbuilt in {time.monotonic() - began:.0f} s: {image.megabytes} MB in all,")
    print(f"{Image(base).megabytes} MB of them the base")
    yield image
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.drill
def test_drill_the_built_image_makes_an_ad_and_ends_when_told(built: Image, tmp_path: Path) -> None:
    data, log, port = tmp_path / "data", tmp_path / "log", free_port()
    data.mkdir()
    os.chown(data, 10001, 10001)
    env = {"PORT": str(port), "ADGEN_DEMO_PASSWORD": PASSWORD, "ADGEN_OFFLINE_SHRINK": "4"}
    outer = built.start(data, log, **env)
    try:
        until(lambda: outer.poll() is not None or _well(port), 120, "the start")
        assert _well(port), log.read_text()
        (first,) = psutil.Process(outer.pid).children()
        family = [first, *first.children(recursive=True)]
        assert {process.uids().real for process in family} == {10001}
        _check_inside(built, first.pid, env)
        assert (data / "ad.mp4").stat().st_size > 100_000
        first.send_signal(signal.SIGTERM)
        assert outer.wait(30) in (0, 143)
    finally:
        outer.kill()
    assert not [process for process in family if process.is_running()]
    assert not (data / "postgres" / "postmaster.pid").exists()


def _well(port: int) -> bool:
    try:
        answer = httpx.get(f"http://localhost:{port}/health", timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json()["worker"] == "ok"


def _check_inside(image: Image, first: int, env: dict[str, str]) -> None:
    """All that was trimmed may be missed: pictures, film, type, music, and every kind of file."""
    adgen = ["python", "-m", "adgen"]
    image.ask(first, image.health, **env)
    image.ask(first, [*image.health, "worker"], **env)
    image.ask(first, [*adgen, "doctor"], **env)
    image.ask(first, [*adgen, "make", "oak chair", "--out", "/data/ad.mp4"], **env)
    for kind in ("csv", "json", "parquet", "xlsx"):
        export = [*adgen, "costs", "export", "--format", kind, "--out", f"/data/costs.{kind}"]
        image.ask(first, export, **env)
