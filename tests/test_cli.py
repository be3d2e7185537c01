"""`python -m adgen`: an ad from four photos, and one clear line for what cannot work."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import film
from tests.conftest import ROOT, SAMPLE, clean_env, until
from tests.test_launch import family

PHOTOS = sorted(SAMPLE.glob("*.jpg"))


def adgen(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adgen", *arguments],
        cwd=ROOT,
        env=clean_env(home, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def made(short_tmp: Path) -> tuple[Path, dict[str, object]]:
    """The README's ad, made once on a fresh home."""
    out = short_tmp / "ad.mp4"
    photos = [word for photo in PHOTOS for word in ("--photo", str(photo))]
    run = adgen(
        short_tmp / "cli", "make", "oak chair and stoneware cups", *photos,
        "--video-prompt", "slow morning light", "--product-name", "Oak & Clay",
        "--cta", "Shop the set", "--music", "calm", "--out", str(out), "--json",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Pictures" in run.stderr
    return out, json.loads(run.stdout)


def test_the_film_has_the_ordered_form(made: tuple[Path, dict[str, object]]) -> None:
    out, told = made
    said = film.header(out)
    assert "1920x1080 [SAR 1:1" in said
    for word in ("h264", "yuv420p", "30 fps", "aac", "48000 Hz", "stereo"):
        assert word in said
    order = film.boxes(out)
    assert order.index("moov") < order.index("mdat")
    assert out.stat().st_size < 20_000_000
    assert told["size_bytes"] == out.stat().st_size
    assert film.decode_errors(out) == ""
    assert told["total_cost"] == "0.000000"


def test_the_film_is_exactly_as_long_as_its_parts(
    made: tuple[Path, dict[str, object]], short_tmp: Path
) -> None:
    out, told = made
    # The clips stand in storage; the film names four of them.
    clips = [path for path in (short_tmp / "cli" / "files").rglob("*.mp4")
             if path.stat().st_size != out.stat().st_size]  # fmt: skip
    assert len(clips) == told["clips"] == 4
    seconds = sum(film.frames(clip) / 30 for clip in clips)
    expected = 1 + seconds - 0.5 * (len(clips) - 1) + 1
    assert abs(film.frames(out) / 30 - expected) <= 1 / 30
    assert abs(float(str(told["duration_seconds"])) - expected) <= 1 / 30


def test_it_opens_black_with_words_and_has_music(made: tuple[Path, dict[str, object]]) -> None:
    out, _ = made
    mean, top = film.luma(out, 0.5)
    assert mean < 30
    assert top > 200
    mean, _ = film.luma(out, 3)
    assert mean > 60
    assert film.mean_volume(out) > -40


def test_no_cost_row_is_lost_and_nothing_is_left_running(
    made: tuple[Path, dict[str, object]], short_tmp: Path
) -> None:
    until(lambda: not family(short_tmp / "cli"), 20, "the end of every process")
    assert not list((short_tmp / "cli").rglob("*.part"))


def say(run: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert run.returncode not in (0, 2), run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("adgen: ")]
    assert len(lines) == 1, run.stderr
    assert "Traceback" not in run.stderr
    return lines[0]


@pytest.fixture(scope="module")
def home(short_tmp: Path) -> Path:
    return short_tmp / "refusals"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("", "at least 3 characters"), ("ab", "at least 3 characters"), ("x" * 10_000, "10,000")],
)
def test_prompts_too_short_or_too_long(home: Path, tmp_path: Path, prompt: str, said: str) -> None:
    assert said in say(adgen(home, "make", prompt, "--out", str(tmp_path / "ad.mp4")))
    assert not (tmp_path / "ad.mp4").exists()


def wide_png() -> bytes:
    data = io.BytesIO()
    Image.new("1", (30_000, 40)).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.png", b"these are notes, not pixels"),
        ("cut.jpg", PHOTOS[0].read_bytes()[:20_000]),
        ("wide.png", wide_png()),
        ("empty.webp", b""),
    ],
)
def test_photos_that_are_none(home: Path, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    photo = str(tmp_path / name)
    run = adgen(home, "make", "oak chair", "--photo", photo, "--out", str(tmp_path / "ad.mp4"))
    assert name in say(run)


def test_an_out_that_cannot_be_written_is_said_before_any_work(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "missing" / "ad.mp4"
    line = say(adgen(home, "make", "oak chair", "--out", str(out)))
    assert "cannot be written" in line
    assert "is a folder" in say(adgen(home, "make", "oak chair", "--out", str(tmp_path)))


def test_an_unreachable_database_is_said(home: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "ad.mp4")
    url = "postgresql://ann:hidden@127.0.0.1:1/x"
    assert "cannot be reached" in say(
        adgen(home, "make", "oak chair", "--out", out, DATABASE_URL=url)
    )


def test_too_many_failed_pictures_stop_with_what_was_kept(home: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "ad.mp4")
    line = say(
        adgen(home, "make", "oak chair", "--out", out,
              ADGEN_OFFLINE_FAIL="image:0,image:1,image:2", ADGEN_RETRY_WAIT_S="0")
    )  # fmt: skip
    assert "3 of 6 pictures failed" in line
    assert "3 good ones are kept" in line


def test_control_c_cancels_and_leaves_nothing(short_tmp: Path, tmp_path: Path) -> None:
    home = short_tmp / "interrupted"
    process = subprocess.Popen(
        [sys.executable, "-m", "adgen", "make", "oak chair", "--out", str(tmp_path / "ad.mp4")],
        cwd=ROOT,
        env=clean_env(home, ADGEN_OFFLINE_DELAY_S="30"),
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len(family(home)) > 3, 60, "the start")
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in said
    until(lambda: not family(home), 20, "the end of every process")


def test_doctor_names_every_part(home: Path) -> None:
    run = adgen(home, "doctor")
    assert run.returncode == 0, run.stdout
    for part in ("settings", "storage", "ffmpeg", "database", "worker"):
        assert part in run.stdout


def test_people_can_be_added_and_listed(home: Path) -> None:
    run = adgen(home, "user", "add", "bob@example.com", ADGEN_NEW_PASSWORD="a good one")
    assert run.returncode == 0, run.stderr
    assert "bob@example.com" in adgen(home, "user", "list").stdout
    again = adgen(home, "user", "add", "bob@example.com", ADGEN_NEW_PASSWORD="a good one")
    assert "is a user already" in say(again)
