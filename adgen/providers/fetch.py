"""The door for files that hosted models made: allowed hosts only, without token, whole or not."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import httpcore
import httpx

from adgen import errors
from adgen.domain import Value
from adgen.errors import BadModelOutput, ProviderBusy, ResultLost

TRIES = 3
PAUSE_S = 1.0
CONNECT_S = 10.0
STALL_S = 30.0
POLL_S = 0.25
URL_MAX = 8000

log = logging.getLogger(__name__)
# At DEBUG it prints the headers of answers, and a redirect's may hold a signed address.
logging.getLogger("httpcore").setLevel(logging.INFO)

Resolver = Callable[[str, int], Sequence[str]]

# Strict on purpose: an address that is not plainly written is refused, never mended.
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"({_LABEL}(?:\.{_LABEL})*)"
_PATH = r"(/[a-z0-9/?%:@!$&'()*+,;=._~-]*)"
_URL = re.compile(rf"(https?)://{_HOST}(?::([1-9][0-9]{{0,4}}))?{_PATH}", re.I | re.A)
_LISTED = re.compile(rf"(\*\.)?{_HOST}(?::([0-9]{{1,5}}))?", re.A)
_IPV4 = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}", re.A)
_DATA = re.compile(r"data:[a-z0-9/.+-]{0,80}(?:;[a-z0-9=.+-]{1,80}){0,4};base64,", re.I | re.A)
_PORTS = {"http": 80, "https": 443}

# Tunnels, relays and the like, which `is_global` does not tell from the open network.
_NEVER = [ipaddress.ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "2002::/16")]
_OPEN_V6 = ipaddress.ip_network("2000::/3")

# What a file is, by its first bytes. The box that opens a clip opens pictures and sound too.
_MAGIC = {
    "image/jpeg": rb"\xff\xd8\xff",
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/webp": rb"RIFF....WEBP",
    "audio/wav": rb"RIFF....WAVE",
    "audio/mpeg": rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]",
    "video/mp4": rb"....ftyp(?!avi[fs]|hei[cx]|hevc|mif1|msf1|M4[AB] )....",
}
_NOUNS = {"image": "picture", "video": "clip", "audio": "piece of music"}


class Fetched(Value):
    """A file that arrived whole; its type is what its first bytes say."""

    path: Path
    content_type: str
    size_bytes: int
    sha256: str


class _Place(NamedTuple):
    scheme: str
    host: str
    port: int
    target: str
    numeric: bool

    @property
    def netloc(self) -> str:
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host.startswith("127.") if self.numeric else self.host == "localhost"


class _Incomplete(BadModelOutput):
    """The connection ended before the file did."""


def system_addresses(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system knows them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def fetch(
    url: str,
    out: Path,
    *,
    hosts: Sequence[str],
    kinds: Collection[str],
    max_bytes: int,
    limit_s: float = 120.0,
    cancelled: Callable[[], bool] = lambda: False,
    resolve: Resolver = system_addresses,
) -> Fetched:
    """Fetch a result's file, or unpack a `data:` result, to `out`: all of it or nothing.

    `hosts` lists `host`, `host:port`, or `*.host` for its subdomains. Only `localhost` or an IP
    address listed itself may be private, and only if loopback plain http. `kinds` are content
    types; `limit_s` covers all tries. Besides the usual errors: ResultLost when the file is
    gone or its address unsafe, ResultWaiting when its host is not allowed (yet).
    """
    if url[:5].lower() == "data:":
        return data_uri(url, out, kinds=kinds, max_bytes=max_bytes)
    place, end = _allow(url, hosts), time.monotonic() + limit_s

    def seconds_left() -> float:
        if cancelled():
            raise errors.Cancelled("The download was stopped. Nothing of it was kept.")
        if (left := end - time.monotonic()) <= 0:
            raise ProviderBusy(f"Fetching the result from {place.host} took too long.")
        return left

    for tries_left in reversed(range(TRIES)):
        try:
            with _connect(place, seconds_left, resolve) as connection:
                return _download(connection, place, out, kinds, max_bytes)
        except (ProviderBusy, _Incomplete) as error:
            log.info("fetch from %s: %s (%d tries left)", place.host, error, tries_left)
            if not tries_left:
                raise
        time.sleep(min(PAUSE_S, seconds_left()))
    raise AssertionError("the last try ends the loop")


def data_uri(url: str, out: Path, *, kinds: Collection[str], max_bytes: int) -> Fetched:
    """Unpack a result that came inside the answer, through the same checks."""
    head = _DATA.match(url)
    if head and (len(url) - head.end()) * 3 // 4 > max_bytes + 2:
        raise _too_large(max_bytes)
    try:
        data = base64.b64decode(url[head.end() :], validate=True) if head else b""
    except (binascii.Error, ValueError):
        raise BadModelOutput("The model's result is damaged. Nothing of it was kept.") from None
    return _save([data], out, kinds, max_bytes)


# ---- which addresses


def _allow(url: str, hosts: Sequence[str]) -> _Place:
    place = _read(url)
    if place is None:
        raise ResultLost(
            "The model gave an address for its result that is not safe to open. Nothing was "
            "fetched. Make it again, which costs again, or choose another model."
        )
    if not any(_matches(place, entry) for entry in hosts):
        raise errors.ResultWaiting(
            f"The model put its result at {place.scheme}://{place.netloc}, where results may not "
            "be fetched from. Nothing was fetched. If you trust that host, add it to "
            "ADGEN_OUTPUT_HOSTS and retry within the hour, at no further cost."
        )
    return place


def _read(url: str) -> _Place | None:
    parts = _URL.fullmatch(url) if len(url) <= URL_MAX else None
    if parts is None:
        return None
    scheme, host = parts[1].lower(), parts[2].lower()
    # Some part of the world takes any name that ends in a number for an IPv4 address.
    numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]) is not None
    if numeric and not _IPV4.fullmatch(host):
        return None
    return _Place(scheme, host, int(parts[3] or _PORTS[scheme]), parts[4], numeric)


def _matches(place: _Place, entry: str) -> bool:
    listed = _LISTED.fullmatch(entry.strip().lower())
    if listed is None or (place.scheme == "http" and not place.is_loopback):
        return False
    star, name, port = listed.groups()
    if place.port != int(port or _PORTS[place.scheme]):
        return False
    return not place.numeric and place.host.endswith(f".{name}") if star else place.host == name


def _addresses(place: _Place, resolve: Resolver) -> Sequence[str]:
    """Where to connect: looked up once, and every address checked."""
    if place.numeric:
        return [place.host]
    try:
        found = resolve(place.host, place.port)
    except OSError as error:
        raise _busy(place, "is not known at the moment") from error
    for ip in map(ipaddress.ip_address, found):
        if not (ip.is_loopback if place.is_loopback else _is_public(ip)):
            raise errors.ResultWaiting(
                f"The host {place.host} leads to a private address, so the result was not "
                "fetched. Check the DNS of this machine, then retry within the hour, at no "
                "further cost."
            )
    return found


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if any(ip in net for net in _NEVER) or (ip.version == 6 and ip not in _OPEN_V6):
        return False
    return ip.is_global and not ip.is_multicast


# ---- the connection


class _Stream(httpcore.NetworkStream):
    """A connection that is left when the time is up, however slowly bytes drip in."""

    def __init__(self, inner: httpcore.NetworkStream, seconds_left: Callable[[], float]) -> None:
        self.inner, self.seconds_left = inner, seconds_left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        stalled = time.monotonic() + (timeout or STALL_S)
        while True:
            try:
                return self.inner.read(max_bytes, min(POLL_S, self.seconds_left()))
            except httpcore.ReadTimeout:
                if time.monotonic() > stalled:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, timeout or STALL_S)

    def close(self) -> None:
        self.inner.close()


_tls = lru_cache(httpx.create_ssl_context)


def _connect(
    place: _Place, seconds_left: Callable[[], float], resolve: Resolver
) -> httpcore.HTTP11Connection:
    """Connect to the very address that was checked; TLS still verifies the host's name."""
    origin = httpcore.Origin(place.scheme.encode(), place.host.encode(), place.port)
    fault: Exception | None = None
    for address in _addresses(place, resolve):
        wait = min(CONNECT_S, seconds_left())
        try:
            stream = httpcore.SyncBackend().connect_tcp(address, place.port, wait)
            if place.scheme == "https":
                stream = stream.start_tls(_tls(trust_env=False), place.host, wait)
            return httpcore.HTTP11Connection(origin, _Stream(stream, seconds_left))
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            fault = error
    raise _busy(place, "cannot be reached") from fault


def _download(
    connection: httpcore.HTTP11Connection,
    place: _Place,
    out: Path,
    kinds: Collection[str],
    max_bytes: int,
) -> Fetched:
    # httpcore, as it knows no redirects, cookies, proxies, credentials or decoding, and writes
    # no addresses into the log; httpx does.
    url = httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
    headers = [("Host", place.netloc), ("User-Agent", "adgen"), ("Accept-Encoding", "identity")]
    answered = False
    try:
        with connection.stream("GET", url, headers=headers) as reply:
            answered = True
            _check_reply(reply, place, max_bytes)
            return _save(reply.iter_stream(), out, kinds, max_bytes)
    except httpcore.TimeoutException as why:
        raise _busy(place, "does not answer in time") from why
    except (httpcore.NetworkError, httpcore.ProtocolError) as why:
        if not answered:
            raise _busy(place, "does not answer") from why
        raise _Incomplete(
            f"The file of the result arrived incomplete, {TRIES} times. Nothing of it was kept."
        ) from why


def _check_reply(reply: httpcore.Response, place: _Place, max_bytes: int) -> None:
    status = reply.status
    if status in (408, 425, 429) or status >= 500:
        raise _busy(place, f"is busy or out of order ({status})")
    if status != 200:
        why = ", a redirect, and redirects are not followed" if 300 <= status < 400 else ""
        raise ResultLost(
            f"The result's file is no longer available: {place.host} answered {status}{why}. "
            "Everything else is kept. Make this one again, which costs again."
        )
    length = {name.lower(): value for name, value in reply.headers}.get(b"content-length", b"0")
    if int(length) > max_bytes:
        raise _too_large(max_bytes)


def _busy(place: _Place, why: str) -> ProviderBusy:
    return ProviderBusy(f"The result cannot be fetched now: {place.host} {why}.")


def _too_large(max_bytes: int) -> BadModelOutput:
    return BadModelOutput(
        f"The model's result is larger than {max_bytes / 1e6:g} MB. Nothing of it was kept."
    )


# ---- the file


def _save(chunks: Iterable[bytes], out: Path, kinds: Collection[str], max_bytes: int) -> Fetched:
    part, digest, size, head = out.with_name(f"{out.name}.part"), hashlib.sha256(), 0, b""
    try:
        with part.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                head = head if len(head) >= 16 else head + chunk[:16]
                if len(head) >= 16:
                    _kind(head, kinds)
                digest.update(chunk)
                file.write(chunk)
            content_type = _kind(head, kinds)
        # Not synced: it is scratch, and storage writes its own copy safely.
        part.replace(out)
    except OSError as error:
        raise errors.Unavailable(
            f"The result could not be saved ({error.strerror}). Free some space on the disk, then "
            "retry within the hour, at no further cost."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Fetched(path=out, content_type=content_type, size_bytes=size, sha256=digest.hexdigest())


def _kind(head: bytes, kinds: Collection[str]) -> str:
    for kind, magic in _MAGIC.items():
        if kind in kinds and re.match(magic, head, re.DOTALL):
            return kind
    wanted = " or ".join(sorted({_NOUNS[kind.partition("/")[0]] for kind in kinds}))
    what = f"is not a {wanted} we can use" if head else "is empty"
    raise BadModelOutput(f"The model's result {what}. Nothing of it was kept.")
