"""Music: the library that ships with the app, and a look at people's own files."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

import immich_memories_music

from adgen.domain import Genre, Value
from adgen.errors import CompositionFailed, InputRejected
from adgen.providers import ffmpeg

LICENCE = "MIT, immich-memories-music 0.1.0 (generated with ACE-Step 1.5)"
MAX_BYTES = 30_000_000
MIN_SECONDS = 1.0
WHAT_WOULD_DO = "Please use an MP3, WAV, M4A, OGG or FLAC file of at least one second."

# Genre -> which files of the library.
_FILES = {
    Genre.UPBEAT: "happy/happy_electronic_*.opus",
    Genre.CALM: "calm/*.opus",
    Genre.ENERGETIC: "energetic/*.opus",
    Genre.HAPPY: "happy/happy_acoustic_*.opus",
    Genre.NOSTALGIC: "nostalgic/*.opus",
    Genre.TENDER: "tender/*.opus",
}

_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "mov": "audio/mp4",
    "matroska": "audio/webm",
}


class Track(Value):
    """A piece of the library."""

    path: Path
    title: str
    genre: Genre
    licence: str


def tracks(genre: Genre) -> list[Track]:
    """All pieces of a genre, always in the same order."""
    found = sorted(immich_memories_music.tracks_dir().glob(_FILES[genre]))
    return [
        Track(
            path=path,
            title=_title(genre, number, path),
            genre=genre,
            licence=LICENCE,
        )
        for number, path in enumerate(found, start=1)
    ]


def pick_track(genre: Genre, seed: int) -> Track:
    """The piece for `seed`: the same every time, so that an ad can be made again."""
    choice = tracks(genre)
    return choice[seed % len(choice)]


def check_music(path: Path) -> float:
    """Seconds of a person's own music; InputRejected, saying what would do, if unusable."""
    if path.stat().st_size > MAX_BYTES:
        raise InputRejected(f"The music file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        seconds = ffmpeg.check_audio(path)
    except CompositionFailed as why:
        raise InputRejected(f"{why.user_message} {WHAT_WOULD_DO}") from why
    if seconds < MIN_SECONDS:
        raise InputRejected(f"The music is shorter than a second. {WHAT_WOULD_DO}")
    return seconds


def read_music(data: bytes, name: str) -> tuple[str, float]:
    """Content type, told from the bytes, and seconds of an upload; InputRejected if unusable."""
    if len(data) > MAX_BYTES:
        raise InputRejected(f"{name} is larger than {MAX_BYTES // 1_000_000} MB.")
    with NamedTemporaryFile(prefix="adgen-music-") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        seconds = check_music(path)
        container = ffmpeg.probe(path).container
    return _CONTENT_TYPES.get(container.split(",")[0], "application/octet-stream"), seconds


def _title(genre: Genre, number: int, path: Path) -> str:
    kind = "acoustic" if "_acoustic_" in path.name else "electronic"
    return f"{genre.capitalize()} {number} ({kind})"
