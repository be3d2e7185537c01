"""Music: the library that ships with the app, and a look at people's own files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import immich_memories_music

from adgen.domain import Genre, Value
from adgen.errors import CompositionFailed, InputRejected, NotFound
from adgen.providers import ffmpeg
from adgen.providers.photos import shown_name

LICENCE = "MIT, immich-memories-music 0.1.0 (generated with ACE-Step 1.5)"
MAX_BYTES = 30_000_000
MIN_SECONDS = 1.0
# Far more than any film needs. Silence packs so well that a small file may last for days.
MAX_SECONDS = 1800.0
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


# How the library's files are served, and how many samples a second they count in (RFC 7845).
TRACK_TYPE = "audio/ogg"
_OPUS_RATE = 48_000
_TAIL_BYTES = 65_536


class Track(Value):
    """A piece of the library; `id` stays the same, `kind` is how it was played."""

    id: str
    path: Path
    title: str
    kind: str
    genre: Genre
    seconds: float
    licence: str


@cache
def tracks(genre: Genre) -> tuple[Track, ...]:
    """All pieces of a genre, always in the same order."""
    found = sorted(immich_memories_music.tracks_dir().glob(_FILES[genre]))
    return tuple(
        Track(
            id=path.stem,
            path=path,
            title=f"{genre.capitalize()} {number}",
            kind="acoustic" if "_acoustic_" in path.name else "electronic",
            genre=genre,
            seconds=_seconds(path),
            licence=LICENCE,
        )
        for number, path in enumerate(found, start=1)
    )


def find_track(track_id: str) -> Track | None:
    """The piece with this id, of whatever genre, or None."""
    return next((t for genre in Genre for t in tracks(genre) if t.id == track_id), None)


def load_track(track_id: str) -> Track:
    """As `find_track`; raises NotFound."""
    if track := find_track(track_id):
        return track
    raise NotFound("There is no such piece in the music library. Choose another one.")


def pick_track(genre: Genre, seed: int) -> Track:
    """The piece for `seed`: the same every time, so that an ad can be made again."""
    choice = tracks(genre)
    return choice[seed % len(choice)]


def check_music(path: Path) -> float:
    """Seconds of a person's own music; InputRejected, saying what would do, if unusable."""
    if path.stat().st_size > MAX_BYTES:
        raise InputRejected(f"The music file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        seconds = ffmpeg.check_audio(path, MAX_SECONDS + 1)
    except CompositionFailed as why:
        raise InputRejected(f"{why.user_message} {WHAT_WOULD_DO}") from why
    if seconds > MAX_SECONDS:
        raise InputRejected(
            f"The music is longer than {MAX_SECONDS / 60:.0f} minutes. Use a shorter piece."
        )
    if seconds < MIN_SECONDS:
        raise InputRejected(f"The music is shorter than a second. {WHAT_WOULD_DO}")
    return seconds


def read_music(data: bytes, name: str) -> tuple[str, float]:
    """Content type, told from the bytes, and seconds of an upload; InputRejected if unusable."""
    if len(data) > MAX_BYTES:
        raise InputRejected(f"{shown_name(name)} is larger than {MAX_BYTES // 1_000_000} MB.")
    with NamedTemporaryFile(prefix="adgen-music-") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        seconds = check_music(path)
        container = ffmpeg.probe(path).container
    return _CONTENT_TYPES.get(container.split(",")[0], "application/octet-stream"), seconds


def _seconds(path: Path) -> float:
    """The length of a piece of the library: its last Ogg page counts the samples up to there."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    page = tail[tail.rindex(b"OggS") :]
    return int.from_bytes(page[6:14], "little") / _OPUS_RATE
