"""The door to ffmpeg: looking at clips, taking stills, and no run that outlives its worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from adgen.providers import ffmpeg
from tests.film import make_clip


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as the model makes it, 25 frames at 8 a second."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "model.mp4", "testsrc2=s=512x288:r=8", "-frames:v", "25")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_killed_worker_leaves_no_ffmpeg() -> None:
    program = (
        "from adgen.providers import ffmpeg\n"
        "ffmpeg.run(['-re', '-f', 'lavfi', '-i', 'testsrc2', '-f', 'null', '-'], 60)"
    )
    found_here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=found_here) as worker:
        mine = psutil.Process(worker.pid)
        # Other short-lived children, such as a look at ffmpeg's version, come and go before it.
        while not (found := [child for child in mine.children() if runs_testsrc(child)]):
            time.sleep(0.02)
        worker.kill()
    _, alive = psutil.wait_procs(found, timeout=30)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def runs_testsrc(process: psutil.Process) -> bool:
    try:
        return "testsrc2" in process.cmdline()
    except psutil.Error:
        return False


def test_sound_clips_pass(media: Path) -> None:
    seen = ffmpeg.check_clip(media / "model.mp4")
    assert (seen.frames, seen.seconds, seen.width, seen.height) == (25, 3.125, 512, 288)
    assert not seen.has_audio


@pytest.mark.parametrize("at", [0, 2.0, 99])
def test_poster_is_a_still(media: Path, tmp_path: Path, at: float) -> None:
    still = ffmpeg.poster(media / "model.mp4", at, tmp_path / "still.jpg", width=320)
    with Image.open(still, formats=["PNG", "JPEG"]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
    assert [p.name for p in tmp_path.iterdir()] == ["still.jpg"]
