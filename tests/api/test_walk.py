"""The code of docs/api.md runs as it stands there, and the WebSocket tells of every step."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from adgen.providers import ffmpeg
from adgen.providers.photos import sample_photos
from tests.conftest import PASSWORD, ROOT, App, until
from tests.replicate_server import ReplicateServer
from tests.studio import QUICK

DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
SHELL = re.findall(r"^```sh\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
[PYTHON] = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
PLAN, IMAGE, CLIP, FILM = map(Decimal, ("0.001", "0.05", "0.80", "0.50"))
SPENT = PLAN + 6 * IMAGE + PLAN + 2 * CLIP + FILM
RUNS = [
    ["prompt_parsing", "image_generation", "complete"],
    ["clip_generation", "complete"],
    ["final_composition", "complete"],
]


@pytest.fixture(scope="module")
def hosted(short_tmp: Path) -> Iterator[App]:
    """The app on our stand-in for Replicate."""
    with ReplicateServer(seconds={"text": 0.1, "image": 0.3, "clip": 0.4}) as fake:
        made = App(short_tmp / "hosted-api", env={**fake.env, **QUICK}).start()
        yield made
        made.stop()


@pytest.fixture
def env(hosted: App, tmp_path: Path) -> dict[str, str]:
    """What the code of the docs finds: the address, the password, our Python as `python3`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    (tmp_path / "chair.jpg").write_bytes(sample_photos()[0][1])
    paths = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    return {"PATH": paths, "ADGEN_URL": hosted.url, "ADGEN_DEMO_PASSWORD": PASSWORD}


class Shell:
    """A bash that is given one block after the other, and stops at the first failure."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, block: str) -> str:
        """What the block printed."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{block}\necho END\n")
        self.process.stdin.flush()
        said = ""
        while not said.endswith("END\n"):
            line = self.process.stdout.readline()
            assert line, said
            said += line
        return said.removesuffix("END\n")


@contextmanager
def shell(folder: Path, env: dict[str, str]) -> Iterator[Shell]:
    opened = Shell(folder, env)
    with opened.process:
        yield opened
        assert opened.process.stdin
        opened.process.stdin.close()
        assert opened.process.wait(10) == 0


@contextmanager
def heard(app: App, ad: str) -> Iterator[list[dict[str, Any]]]:
    """Everything the ad's WebSocket tells meanwhile."""
    with app.client() as client:
        bearer = {"Authorization": client.headers["authorization"]}
    told: list[dict[str, Any]] = []
    with connect(f"ws://localhost:{app.port}/ws/{ad}", additional_headers=bearer) as socket:
        told.append(json.loads(socket.recv(timeout=30)))
        ear = threading.Thread(target=lambda: told.extend(map(json.loads, socket)), daemon=True)
        ear.start()
        yield told
    ear.join(10)


def test_the_whole_way_by_curl_with_every_step_told(
    hosted: App, env: dict[str, str], tmp_path: Path
) -> None:
    assert shutil.which("curl"), "this test needs curl: apt install curl"
    *before, pictures, clips, film, costs = SHELL
    with shell(tmp_path, env) as bash:
        for block in before:
            assert bash.run(block) == ""
        ad = bash.run("echo $AD").strip()
        with heard(hosted, ad) as told:
            prices = [bash.run(block).strip() for block in (pictures, clips)]
            bash.run(film)
            until(lambda: "video" in told[-1]["data"], what="the last message")
        assert [Decimal(price) for price in prices] == [PLAN + 6 * IMAGE, PLAN + 2 * CLIP]
        assert Decimal(bash.run(costs)) == SPENT
    steps_in_order(told)
    assert told[-1]["current_cost"] == float(SPENT)
    assert ffmpeg.probe(tmp_path / "ad.mp4").width == 1920
    kept = json.loads((tmp_path / "ad.json").read_text())
    assert (kept["photos"][0]["id"], Decimal(kept["total_cost"])) == (
        json.loads((tmp_path / "photo.json").read_text())["asset_id"],
        SPENT,
    )


def steps_in_order(told: list[dict[str, Any]]) -> None:
    """Each run's stages one after the other, its percentages and the cost only rising."""
    first, *rest = told
    assert (first["stage"], first["progress"]) == ("created", 0)
    stages = [stage for stage, _ in groupby(message["stage"] for message in rest)]
    assert stages == [stage for run in RUNS for stage in run]
    rising: list[list[int]] = [[]]
    for message, after in zip(rest, [*rest[1:], rest[-1]], strict=True):
        rising[-1].append(message["progress"])
        if message["stage"] == "complete" and after["stage"] != "complete":
            rising.append([])
    assert len(rising) == len(RUNS)
    for shares in rising:
        assert shares == sorted(shares)
        assert shares[-1] == 100
    costs = [message["current_cost"] for message in rest]
    assert costs == sorted(costs)
    said = {message["message"] for message in rest}
    assert {"Images ready!", "Clips ready!"} <= said
    # Two that are ready at once are told at once.
    numbers = [int(found[1]) for words in said if (found := re.search(r"image (\d) of 6", words))]
    assert len(numbers) >= 2, said


def test_the_example_in_python_makes_an_ad(env: dict[str, str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PYTHON],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert [line for line in lines if line.startswith("about")] == [
        "about $0.301", "about $1.601", "about $0.50",
    ]  # fmt: skip
    assert Decimal(lines[-1].removeprefix("$")) == SPENT
    assert ffmpeg.probe(tmp_path / "ad.mp4").width == 1920
