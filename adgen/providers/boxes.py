"""The boxes of an mp4 of ours: what its tracks hold to the tick, and whether it is whole."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SEAL = struct.Struct(">I4s4s32s")
# Sixteen bytes of type and name, then size and the rest of a picture's description.
_PICTURE = 78


class Track(NamedTuple):
    """One track; times are in ticks of `scale` a second.

    `decoded` and `shown` hold the time of each sample in the order of the file; `decoder` is
    what a decoder must know beforehand (avcC), empty for sound.
    """

    kind: str
    scale: int
    ticks: int
    width: int
    height: int
    decoded: tuple[int, ...]
    shown: tuple[int, ...]
    decoder: bytes


def tracks(data: bytes) -> list[Track]:
    """The tracks of an mp4; ValueError when it is none, or its boxes do not fill it exactly."""
    try:
        found = [_track(trak) for moov in _all(data, b"moov") for trak in _all(moov, b"trak")]
    except (struct.error, IndexError) as why:
        raise ValueError("its boxes are broken") from why
    if not found:
        raise ValueError("it has no tracks")
    return found


def seal(path: Path) -> None:
    """Append a hash of all before it, in a box that players skip."""
    data = path.read_bytes()
    with path.open("ab") as file:
        file.write(_SEAL.pack(_SEAL.size, b"free", b"seal", hashlib.sha256(data).digest()))


def sealed(data: bytes) -> bool:
    """Whether every byte is as it was when the file was sealed."""
    if len(data) <= _SEAL.size:
        return False
    _, _, name, digest = _SEAL.unpack(data[-_SEAL.size :])
    return bool(name == b"seal" and hashlib.sha256(data[: -_SEAL.size]).digest() == digest)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size < head or at + size > len(data):
            raise ValueError("it is cut short")
        # The media itself is of no interest here, and is large.
        yield name, b"" if name == b"mdat" else data[at + head : at + size]
        at += size


def _all(data: bytes, name: bytes) -> list[bytes]:
    return [inside for found, inside in _boxes(data) if found == name]


def _one(data: bytes, *path: bytes) -> bytes:
    for name in path:
        data = _all(data, name)[0]
    return data


def _track(trak: bytes) -> Track:
    mdia = _one(trak, b"mdia")
    table = _one(mdia, b"minf", b"stbl")
    scale, ticks = _clock(_one(mdia, b"mdhd"))
    kind = _one(mdia, b"hdlr")[8:12].decode("latin-1")
    width, height = struct.unpack(">II", _one(trak, b"tkhd")[-8:])
    decoded = _decoded(_one(table, b"stts"))
    shifts = _shifts(table, len(decoded))
    return Track(
        kind=kind,
        scale=scale,
        ticks=ticks,
        width=width >> 16,
        height=height >> 16,
        decoded=decoded,
        shown=tuple(at + shift for at, shift in zip(decoded, shifts, strict=True)),
        decoder=_decoder(table) if kind == "vide" else b"",
    )


def _clock(mdhd: bytes) -> tuple[int, int]:
    """Ticks a second, and the whole length in them."""
    scale, ticks = struct.unpack_from(">IQ" if mdhd[0] else ">II", mdhd, 20 if mdhd[0] else 12)
    return int(scale), int(ticks)


def _runs(table: bytes, form: str) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from(">I", table, 4)
    return iter(struct.iter_unpack(form, table[8 : 8 + 8 * count]))


def _decoded(stts: bytes) -> tuple[int, ...]:
    times: list[int] = []
    now = 0
    for count, step in _runs(stts, ">II"):
        times += range(now, now + count * step, step) if step else [now] * count
        now += count * step
    return tuple(times)


def _shifts(table: bytes, count: int) -> list[int]:
    found = _all(table, b"ctts")
    if not found:
        return [0] * count
    return [shift for many, shift in _runs(found[0], ">Ii") for _ in range(many)]


def _decoder(table: bytes) -> bytes:
    (description,) = _boxes(_one(table, b"stsd")[8:])
    return _one(description[1][_PICTURE:], b"avcC")
