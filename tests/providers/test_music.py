"""The library, and what people upload."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from adgen.domain import Genre
from adgen.errors import InputRejected, NotFound
from adgen.providers import music


def make_sound(path: Path, seconds: float, *options: str) -> Path:
    sine = ["-f", "lavfi", "-i", f"sine=d={seconds}"]
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", *sine, *options, str(path)], check=True)
    return path


@pytest.mark.parametrize("genre", Genre)
def test_every_genre_has_playable_tracks(genre: Genre) -> None:
    found = music.tracks(genre)
    assert len(found) >= 3
    assert len({track.title for track in found}) == len(found)
    assert all(track.licence.startswith("MIT") for track in found)
    assert music.check_music(found[0].path) == pytest.approx(found[0].seconds, abs=0.05)
    assert found[0].seconds > 10


def test_every_track_is_found_by_its_own_id() -> None:
    every = [track for genre in Genre for track in music.tracks(genre)]
    assert len({track.id for track in every}) == len(every)
    assert [music.load_track(track.id) for track in every] == every
    assert music.find_track("") is None
    with pytest.raises(NotFound, match="Choose another"):
        music.load_track("../calm_acoustic_1")


def test_upbeat_and_happy_share_no_track() -> None:
    upbeat, happy = ({track.path for track in music.tracks(g)} for g in (Genre.UPBEAT, Genre.HAPPY))
    assert not upbeat & happy


def test_the_same_seed_picks_the_same_track() -> None:
    picked = {music.pick_track(Genre.CALM, seed).path for seed in range(100_000, 100_020)}
    assert picked == {track.path for track in music.tracks(Genre.CALM)}
    assert music.pick_track(Genre.CALM, 123456) == music.pick_track(Genre.CALM, 123456)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.mp3", "audio/mpeg"),
        ("a.wav", "audio/wav"),
        ("a.m4a", "audio/mp4"),
        ("a.ogg", "audio/ogg"),
        ("a.flac", "audio/flac"),
    ],
)
def test_own_files_are_read(tmp_path: Path, name: str, content_type: str) -> None:
    path = make_sound(tmp_path / name, 2)
    assert music.check_music(path) == pytest.approx(2, abs=0.1)
    assert music.read_music(path.read_bytes(), "misnamed.xyz")[0] == content_type


@pytest.mark.parametrize(
    "data",
    [b"", b"words" * 1000, b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n", b"ID3\x04" + bytes(5000)],
)
def test_what_is_no_music_is_refused(data: bytes) -> None:
    with pytest.raises(InputRejected, match="MP3, WAV, M4A, OGG or FLAC"):
        music.read_music(data, "song.mp3")


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "film.mp4", 2, "-f", "lavfi", "-i", "color=d=2", "-map", "1:v")
    with pytest.raises(InputRejected, match="no sound"):
        music.check_music(path)


def test_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="shorter than a second"):
        music.check_music(make_sound(tmp_path / "a.wav", 0.5))


def test_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        file.truncate(music.MAX_BYTES + 1)
    with pytest.raises(InputRejected, match="larger than 30 MB"):
        music.check_music(path)
