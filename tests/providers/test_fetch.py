"""Fetching results: from allowed hosts only, without credentials, all of a file or nothing."""

from __future__ import annotations

import base64
import errno
import hashlib
import logging
import re
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import pytest

from adgen.errors import (
    AdgenError,
    BadModelOutput,
    Cancelled,
    ProviderBusy,
    ResultLost,
    ResultWaiting,
    Unavailable,
)
from adgen.providers import fetch as door
from adgen.providers.fetch import Fetched, data_uri, fetch
from tests.conftest import free_port

SECRET = "sig-a1b2c3"
PUBLIC = "93.184.216.34"
REPLICATE = ("replicate.delivery", "*.replicate.delivery")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(5000)
KINDS = {"image/jpeg", "image/png", "image/webp"}


class Server(ThreadingHTTPServer):
    """A real server on loopback. `answers` are played one a request, the last for ever."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Callable[[_Handler], None]] = [whole(PNG)]
        self.connections = 0
        self.hits: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/files/out.png?token={SECRET}"

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave early are meant here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.hits.append((self.path, dict(self.headers)))
        self.close_connection = True
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, raw: bytes) -> None:
        self.wfile.write(raw)
        self.wfile.flush()

    def drip(self, raw: bytes) -> None:
        """One byte after the other, for as long as the test lasts."""
        for byte in raw:
            if self.server.over.wait(0.01):
                return
            self.send(bytes([byte]))


Answer = Callable[[_Handler], None]


def reply(status: int, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} Some\r\n{headers}\r\n".encode() + body


def raw(data: bytes) -> Answer:
    return lambda handler: handler.send(data)


def whole(body: bytes) -> Answer:
    return raw(reply(200, f"Content-Length: {len(body)}\r\n", body))


def unsized(body: bytes) -> Answer:
    return raw(reply(200, "", body))


def status(code: int) -> Answer:
    return raw(reply(code, "Content-Length: 2\r\nSet-Cookie: id=1; Path=/\r\n", b"no"))


def truncated(handler: _Handler) -> None:
    handler.send(reply(200, f"Content-Length: {len(PNG)}\r\n", PNG[: len(PNG) // 2]))


def truncated_chunks(handler: _Handler) -> None:
    handler.send(reply(200, "Transfer-Encoding: chunked\r\n", b"400\r\n" + PNG[:500]))


def halting(handler: _Handler) -> None:
    """Whole in the end, with a wait that is no stall."""
    truncated(handler)
    time.sleep(0.07)
    handler.send(PNG[len(PNG) // 2 :])


def reset(handler: _Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def reset_midway(handler: _Handler) -> None:
    truncated(handler)
    time.sleep(0.05)
    reset(handler)


def stalled(handler: _Handler) -> None:
    truncated(handler)
    handler.server.over.wait(20)


def mute(handler: _Handler) -> None:
    handler.server.over.wait(20)


def slow_body(handler: _Handler) -> None:
    handler.send(reply(200, f"Content-Length: {len(PNG)}\r\n"))
    handler.drip(PNG)


def slow_headers(handler: _Handler) -> None:
    handler.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 50_000)


def endless_hints(handler: _Handler) -> None:
    while not handler.server.over.wait(0.001):
        handler.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture
def canary() -> Iterator[Server]:
    """Must never be reached."""
    with running() as made:
        yield made


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    made = Server()
    if context:
        made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.004})
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"PAUSE_S": 0.01, "STALL_S": 10, "POLL_S": 0.02}.items():
        monkeypatch.setattr(door, name, seconds)


@pytest.fixture(autouse=True)
def nothing_left_and_nothing_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """In no test whatever a part of a file stays, or the token of an address gets into the log."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not list(tmp_path.rglob("*.part*"))
    assert not [told for told in caplog.get_records("call") if SECRET in told.getMessage()]


def get(url: str, folder: Path, *hosts: str, **options: Any) -> Fetched:
    base = {"hosts": hosts or REPLICATE, "kinds": KINDS, "max_bytes": 1_000_000}
    return fetch(url, folder / "out.png", **{**base, **options})


def get_from(server: Server, folder: Path, **options: Any) -> Fetched:
    return get(server.url, folder, f"127.0.0.1:{server.port}", **options)


def refusal(
    error: type[AdgenError] | tuple[type[AdgenError], ...],
    call: Callable[..., Fetched],
    *arguments: Any,
    **options: Any,
) -> str:
    """What the person reads; never any of the address behind the host."""
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    told: str = caught.value.user_message
    assert not any(word in told for word in (SECRET, "token", "/files", "out.png"))
    return told


def failure(server: Server, folder: Path, error: type[AdgenError], **options: Any) -> str:
    """What the person reads; the old file of that name is still there, and nothing else."""
    (folder / "out.png").write_bytes(b"old")
    told = refusal(error, get_from, server, folder, **options)
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["out.png"]
    assert (folder / "out.png").read_bytes() == b"old"
    return told


class Names:
    """A resolver that plays one answer a question, the last for ever, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


# ---- what goes well


def test_a_file_arrives_whole_and_is_what_it_is_by_its_content(
    server: Server, tmp_path: Path
) -> None:
    server.answers = [raw(reply(200, "Content-Type: text/html\r\n", PNG))]
    got = get_from(server, tmp_path)
    assert got.path == tmp_path / "out.png"
    assert got.path.read_bytes() == PNG
    assert (got.content_type, got.size_bytes) == ("image/png", len(PNG))
    assert got.sha256 == hashlib.sha256(PNG).hexdigest()
    assert [path for path, _ in server.hits] == [f"/files/out.png?token={SECRET}"]


def test_the_request_says_who_we_are_and_nothing_more(
    server: Server, canary: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password r8_x\n")
    # The first answers set a cookie; the tries that follow must not bring it.
    server.answers = [status(503), status(500), whole(PNG)]
    get_from(server, tmp_path)
    sent = {"Host": f"127.0.0.1:{server.port}", "User-Agent": "adgen"}
    assert [headers for _, headers in server.hits] == [
        {**sent, "Accept-Encoding": "identity"} for _ in range(3)
    ]
    assert canary.connections == 0


def test_localhost_may_be_listed_by_name_and_other_files_may_be_asked_for(
    server: Server, tmp_path: Path
) -> None:
    server.answers = [whole(MP4)]
    url = f"HTTP://LocalHost:{server.port}/a@b/c//d%20e"
    got = get(url, tmp_path, f"localhost:{server.port}", kinds=["video/mp4"])
    assert got.content_type == "video/mp4"


def test_a_finished_file_takes_the_place_of_an_older_one_in_one_move(
    server: Server, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    older.write_bytes(b"old")
    (tmp_path / "out.png").hardlink_to(older)
    get_from(server, tmp_path)
    assert older.read_bytes() == b"old"


def test_many_at_once(server: Server, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(12)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda folder: get_from(server, folder), folders))
    assert {one.sha256 for one in got} == {hashlib.sha256(PNG).hexdigest()}
    assert len(server.hits) == 12


# ---- which addresses

# {c} is the canary's port. It is listed for replicate.delivery, so that no trick fails by it.
TRICKS = [
    "https://evilreplicate.delivery/x",
    "https://evil-replicate.delivery/x",
    "https://replicate.delivery.evil.example/x",
    "https://replicate.delivery.127.0.0.1.nip.io:{c}/x",
    "https://a.b.replicate.delivery.evil/x",
    "https://replicate.deliveryevil/x",
    "https://replicate.delivery@127.0.0.1:{c}/x",
    "https://replicate.delivery:{c}@127.0.0.1/x",
    "https://user:pw@replicate.delivery/x",
    "https://@replicate.delivery/x",
    "https://127.0.0.1:{c}#@replicate.delivery/x",
    "https://127.0.0.1:{c}?@replicate.delivery/x",
    "https://127.0.0.1:{c}/@replicate.delivery/x",
    "https://127.0.0.1:{c}\\@replicate.delivery/x",
    "https://replicate.delivery\\@127.0.0.1:{c}/x",
    "https:\\\\127.0.0.1:{c}\\x",
    "https:/\\127.0.0.1:{c}/x",
    "https:///127.0.0.1:{c}/x",
    "https:127.0.0.1:{c}/x",
    "//127.0.0.1:{c}/x",
    "http://127.0.0.1:{c}/x",
    "https://127.0.0.1:{c}/x",
    "http://localhost:{c}/x",
    "https://localhost:{c}/x",
    "http://localhost.replicate.delivery:{c}/x",
    "http://replicate.delivery/x",
    "http://a.replicate.delivery:{c}/x",
    "http://127.1:{c}/x",
    "http://127.0.1:{c}/x",
    "http://2130706433:{c}/x",
    "http://017700000001:{c}/x",
    "http://0177.0.0.1:{c}/x",
    "http://0x7f000001:{c}/x",
    "http://0x7f.0.0.1:{c}/x",
    "http://127.0.0.0x1:{c}/x",
    "http://0:{c}/x",
    "http://0.0.0.0:{c}/x",
    "https://[::1]:{c}/x",
    "https://[::ffff:127.0.0.1]:{c}/x",
    "https://[::ffff:7f00:1]:{c}/x",
    "https://[0:0:0:0:0:0:0:1]:{c}/x",
    "https://[::]:{c}/x",
    "https://[fe80::1%25lo]:{c}/x",
    "https://[64:ff9b::7f00:1]:{c}/x",
    "https://[replicate.delivery]/x",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/x",
    "https://127.0.0.1.replicate.delivery.:{c}/x",
    "https://replicate.delivery./x",
    "https://.replicate.delivery/x",
    "https://a..replicate.delivery/x",
    "https://-a.replicate.delivery/x",
    "https://a_b.replicate.delivery/x",
    "https://*.replicate.delivery/x",
    "https://replicate%2edelivery/x",
    "https://127.0.0.1%2f.replicate.delivery:{c}/x",
    "https://127.0.0.1%00.replicate.delivery:{c}/x",
    "https://127.0.0.1:{c}%2f.replicate.delivery/x",
    "https://①②⑦.⓪.⓪.①:{c}/x",
    "https://replicate。delivery/x",
    "https://rеplicate.delivery/x",
    "https://replicate.delivery\u200b/x",
    "https://replicate.delıvery/x",
    "httpſ://replicate.delivery/x",
    "https://repl\u0131cate.delivery/x",
    "https://xn--rplicate-7fg.delivery/x",
    "https://replicate.delivery/\u00e9",
    "https://replicate.delivery:0/x",
    "https://replicate.delivery:00443/x",
    "https://replicate.delivery:80/x",
    "https://replicate.delivery:8443/x",
    "https://replicate.delivery:99999/x",
    "https://replicate.delivery:/x",
    "https://replicate.delivery:4 43/x",
    "https://replicate.delivery:٤٤٣/x",
    "https://replicate.delivery",
    "https://replicate.delivery?x",
    "https://replicate.delivery/x#y",
    "https://replicate.delivery/x y",
    "https://replicate.delivery/x\\y",
    "https://replicate.delivery/x\ty",
    "https://replicate.delivery/x\r\nHost: 127.0.0.1",
    "https://replicate.delivery/x\x00",
    "https://replicate.delivery/x\x7f",
    "https://replicate.delivery\t/x",
    "https://replicate.delivery\n.evil.example/x",
    " https://replicate.delivery/x",
    "https://replicate.delivery/x\n",
    "ftp://replicate.delivery/x",
    "file:///etc/passwd",
    "file://replicate.delivery/etc/passwd",
    "gopher://127.0.0.1:{c}/x",
    "ws://replicate.delivery/x",
    "javascript:alert(1)",
    "replicate.delivery/x",
    "https://",
    "https://8.8.8.8/x",
    "https://replicate.delivery/" + "x" * 8000,
    "https://" + "a." * 4000 + "replicate.delivery/x",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_leads_anywhere(
    trick: str, canary: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = dial(monkeypatch, {})
    names = Names(["127.0.0.1"])
    hosts = [host + port for host in REPLICATE for port in ("", f":{canary.port}")]
    hosts += [f"localhost:{canary.port + 1}", f"127.0.0.1:{canary.port + 1}", "*.0.0.1", "*", ""]
    url = trick.replace("{c}", str(canary.port)) + f"?token={SECRET}" * trick.endswith("/x")
    refusal((ResultLost, ResultWaiting), get, url, tmp_path, *hosts, resolve=names)
    assert (names.asked, dialled, canary.connections) == ([], [], 0)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_host_is_named_with_what_to_do(tmp_path: Path) -> None:
    url = f"https://blob.example/files/out.png?token={SECRET}"
    told = refusal(ResultWaiting, get, url, tmp_path)
    assert "https://blob.example," in told
    assert "ADGEN_OUTPUT_HOSTS" in told


def test_the_list_means_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = dial(monkeypatch, {})
    for url, hosts in [
        ("https://replicate.delivery/x", ["replicate.delivery"]),
        ("https://A.b.Replicate.delivery:443/x", [" *.Replicate.delivery "]),
        ("https://replicate.delivery:8443/x", ["replicate.delivery:8443"]),
        ("https://8.8.8.8/x", ["8.8.8.8"]),
        ("https://10.1.2.3:9000/x", ["10.1.2.3:9000"]),
        ("http://127.0.0.1/x", ["127.0.0.1"]),
    ]:
        refusal(ProviderBusy, get, url, tmp_path, *hosts, resolve=Names([PUBLIC]))
    assert list(dict.fromkeys(dialled)) == [
        *[(PUBLIC, 443), (PUBLIC, 8443)],
        *[("8.8.8.8", 443), ("10.1.2.3", 9000), ("127.0.0.1", 80)],
    ]
    for url, host in [
        ("https://replicate.delivery/x", "*.replicate.delivery"),
        ("https://a.replicate.delivery/x", "replicate.delivery"),
        ("https://replicate.delivery/x", "replicate.delivery:8443"),
        ("http://10.1.2.3:9000/x", "10.1.2.3:9000"),
        ("http://8.8.8.8/x", "8.8.8.8"),
        ("https://127.0.0.1:9000/x", "127.0.0.1"),
        ("https://0x7f.1/x", "0x7f.1"),
        ("https://127.0.0.1/x", "*.0.0.1"),
    ]:
        refusal((ResultLost, ResultWaiting), get, url, tmp_path, host)


def dial(
    monkeypatch: pytest.MonkeyPatch, there: dict[tuple[str, int], int]
) -> list[tuple[str, int]]:
    """Where connections went: to a port of ours in place of the world, else nowhere."""
    dialled: list[tuple[str, int]] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], *rest: Any, **more: Any) -> socket.socket:
        dialled.append(address)
        if address not in there:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return real(("127.0.0.1", there[address]), *rest, **more)

    monkeypatch.setattr(socket, "create_connection", connect)
    return dialled


NOT_PUBLIC = re.findall(
    r"\S+",
    """
127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
100.64.0.1 192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8
64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: fc00::1 fd00:ec2::254
fe80::1 fe80::1%lo fec0::1 ff02::1
""",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_inside_is_refused_even_beside_a_public_address(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = dial(monkeypatch, {})
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        names = Names(answer)
        url = f"https://replicate.delivery/files/out.png?token={SECRET}"
        refusal(ResultWaiting, get, url, tmp_path, resolve=names)
        assert names.asked == ["replicate.delivery"]
    assert dialled == []


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", PUBLIC, "fe80::1"])
def test_localhost_is_loopback_or_refused(
    address: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = dial(monkeypatch, {})
    names = Names(["127.0.0.1", address])
    url, host = f"http://localhost:{server.port}/files/x", f"localhost:{server.port}"
    refusal(ResultWaiting, get, url, tmp_path, host, resolve=names)
    assert dialled == []


def test_a_name_that_changes_its_mind_is_refused_at_the_next_try(
    canary: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"replicate.delivery:{canary.port}"
    dialled = dial(monkeypatch, {("127.0.0.1", canary.port): canary.port})
    names = Names([PUBLIC], ["127.0.0.1"])
    url = f"https://{host}/files/out.png?token={SECRET}"
    refusal(ResultWaiting, get, url, tmp_path, host, resolve=names)
    # One question a try, and the connection went to its answer.
    assert len(names.asked) == 2
    assert dialled == [(PUBLIC, canary.port)]
    assert canary.connections == 0


def test_a_host_that_nobody_knows_is_busy_after_three_tries(tmp_path: Path) -> None:
    asked = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    url = f"https://replicate.delivery/files/out.png?token={SECRET}"
    told = refusal(ProviderBusy, get, url, tmp_path, resolve=resolve)
    assert (
        told == "The result cannot be fetched now: replicate.delivery is not known at the moment."
    )
    assert len(asked) == 3
    assert "cannot be reached" in refusal(ProviderBusy, get, url, tmp_path, resolve=Names([]))


# ---- TLS


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed: one for *.replicate.delivery, one for another name."""
    folder = tmp_path_factory.mktemp("certificates")
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    for name in ("*.replicate.delivery", "evil.example"):
        base = folder / ("ours" if "*" in name else "other")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", f"{base}.key", "-out", f"{base}.pem"]
        subject = ["-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{name}", "-days", "2"]
        command = ["openssl", "req", "-x509", *key, *files, *subject]
        subprocess.run(command, check=True, capture_output=True)
    both = (folder / "ours.pem").read_text() + (folder / "other.pem").read_text()
    (folder / "trusted.pem").write_text(both)
    return folder


@pytest.fixture
def trusted(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Both certificates are good, each for its own name."""
    monkeypatch.setattr(certifi, "where", lambda: str(certificates / "trusted.pem"))
    door._tls.cache_clear()
    yield certificates
    door._tls.cache_clear()


def tls(folder: Path, name: str, asked: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.sni_callback = lambda _, name, __: asked.append(name)
    return context


def test_the_connection_goes_to_the_checked_address_and_tls_to_the_name(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    with running(tls(trusted, "ours", asked)) as server:
        server.answers = [halting]
        # The first address is dead; the second is our server.
        dialled = dial(monkeypatch, {("2606:4700::1", 443): server.port})
        names = Names([PUBLIC, "2606:4700::1"])
        got = get("https://pbxt.replicate.delivery/x", tmp_path, resolve=names)
        assert got.size_bytes == len(PNG)
        assert dialled == [(PUBLIC, 443), ("2606:4700::1", 443)]
        assert asked == names.asked == ["pbxt.replicate.delivery"]
        assert server.hits[0][1]["Host"] == "pbxt.replicate.delivery"


def test_a_certificate_for_another_name_gets_no_request(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://a.replicate.delivery/files/out.png?token={SECRET}"
    with running(tls(trusted, "other", [])) as server:
        dial(monkeypatch, {(PUBLIC, 443): server.port})
        refusal(ProviderBusy, get, url, tmp_path, resolve=Names([PUBLIC]))
        assert (server.hits, server.connections) == ([], 3)


def test_a_certificate_that_nobody_vouches_for_gets_no_request(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://a.replicate.delivery/files/out.png?token={SECRET}"
    # What the environment says of certificates is not asked.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "trusted.pem"))
    door._tls.cache_clear()
    with running(tls(certificates, "ours", [])) as server:
        dial(monkeypatch, {(PUBLIC, 443): server.port})
        refusal(ProviderBusy, get, url, tmp_path, resolve=Names([PUBLIC]))
        assert (server.hits, server.connections) == ([], 3)


# ---- what answers


@pytest.mark.parametrize("code", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed(code: int, server: Server, canary: Server, tmp_path: Path) -> None:
    server.answers = [raw(reply(code, f"Location: {canary.url}\r\nContent-Length: 0\r\n"))]
    assert f"{code}, a redirect," in failure(server, tmp_path, ResultLost)
    assert (len(server.hits), canary.connections) == (1, 0)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 416, 204, 206])
def test_a_file_that_is_gone_is_lost_at_once(code: int, server: Server, tmp_path: Path) -> None:
    server.answers = [raw(reply(code, "Content-Length: 0\r\n"))]
    told = failure(server, tmp_path, ResultLost)
    assert "127.0.0.1" in told
    assert "costs again" in told
    assert len(server.hits) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 599])
def test_a_busy_host_is_asked_three_times(code: int, server: Server, tmp_path: Path) -> None:
    server.answers = [status(code)]
    assert f"({code})" in failure(server, tmp_path, ProviderBusy)
    assert len(server.hits) == 3
    server.answers = [status(code), status(code), whole(PNG)]
    assert get_from(server, tmp_path).size_bytes == len(PNG)


@pytest.mark.parametrize("fault", [truncated, truncated_chunks, reset_midway])
def test_a_file_cut_short_is_fetched_again_three_times(
    fault: Answer, server: Server, tmp_path: Path
) -> None:
    server.answers = [fault]
    assert "incomplete" in failure(server, tmp_path, BadModelOutput)
    assert len(server.hits) == 3
    server.answers = [fault, whole(PNG)]
    assert get_from(server, tmp_path).size_bytes == len(PNG)


def no_answer() -> list[Answer]:
    garbage = [
        b"",
        b"\x00\xff" * 500,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        reply(200, f"Content-Length: {'9' * 5000}\r\n"),
        reply(200, "Content-Length: -1\r\n"),
        reply(200, "Content-Length: 5\r\nContent-Length: 6\r\n", b"123456"),
        reply(200, "Transfer-Encoding: gzip\r\n", PNG),
        reply(200, "X: " + "a" * 300_000 + "\r\n"),
    ]
    return [reset, *map(raw, garbage)]


@pytest.mark.parametrize("fault", no_answer())
def test_a_connection_that_breaks_or_talks_nonsense_is_busy(
    fault: Answer, server: Server, tmp_path: Path
) -> None:
    server.answers = [fault]
    assert failure(server, tmp_path, ProviderBusy).endswith("127.0.0.1 does not answer.")
    assert len(server.hits) == 3
    server.answers = [fault, whole(PNG)]
    assert get_from(server, tmp_path).size_bytes == len(PNG)


def test_nobody_listens(tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    told = refusal(ProviderBusy, get, f"http://{host}/files/out.png", tmp_path, host)
    assert told == "The result cannot be fetched now: 127.0.0.1 cannot be reached."


@pytest.mark.parametrize("fault", [stalled, mute])
def test_a_host_that_stands_still_is_left_and_asked_again(
    fault: Answer, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.2)
    server.answers = [fault]
    assert "in time" in failure(server, tmp_path, ProviderBusy)
    assert len(server.hits) == 3


@pytest.mark.parametrize("fault", [slow_body, slow_headers, endless_hints])
def test_the_time_limit_holds_however_steadily_it_drips(
    fault: Answer, server: Server, tmp_path: Path
) -> None:
    server.answers = [fault]
    told = failure(server, tmp_path, ProviderBusy, limit_s=0.3)
    assert told == "Fetching the result from 127.0.0.1 took too long."
    assert len(server.hits) == 1


def test_the_time_limit_holds_between_tries_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "PAUSE_S", 600)
    server.answers = [status(503)]
    assert "took too long" in failure(server, tmp_path, ProviderBusy, limit_s=0.2)


# ---- stopping


@pytest.mark.parametrize("fault", [slow_body, stalled, mute, status(503)])
def test_stopped_midway_leaves_no_file(fault: Answer, server: Server, tmp_path: Path) -> None:
    server.answers = [fault]
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += bool(server.hits)
        return asked > 3

    assert "stopped" in failure(server, tmp_path, Cancelled, cancelled=cancelled)


def test_stopped_before_it_began_asks_nobody(server: Server, tmp_path: Path) -> None:
    failure(server, tmp_path, Cancelled, cancelled=lambda: True)
    assert server.connections == 0


# ---- what is in the file


def test_a_file_may_have_just_the_size_allowed(server: Server, tmp_path: Path) -> None:
    for answer in (whole(PNG), unsized(PNG)):
        server.answers = [answer]
        assert get_from(server, tmp_path, max_bytes=len(PNG)).size_bytes == len(PNG)


def test_one_byte_too_many_is_refused_by_the_header_or_while_reading(
    server: Server, tmp_path: Path
) -> None:
    chunked = reply(200, "Transfer-Encoding: chunked\r\n", f"{len(PNG):x}\r\n".encode() + PNG)
    for answer in (whole(PNG), unsized(PNG), raw(chunked)):
        server.answers = [answer]
        told = failure(server, tmp_path, BadModelOutput, max_bytes=len(PNG) - 1)
        assert "larger than 0.102407 MB" in told
    assert len(server.hits) == 3


def giant(handler: _Handler) -> None:
    handler.send(reply(200, "Content-Length: 99999999999\r\n"))
    handler.server.over.wait(20)


def test_the_header_alone_is_enough_to_refuse_a_giant(server: Server, tmp_path: Path) -> None:
    # The body never comes: whoever waits for it would end as busy.
    server.answers = [giant]
    assert "larger than 1 MB" in failure(server, tmp_path, BadModelOutput)


GOOD = {
    "image/jpeg": [b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\xff\xd8\xff\xe1" + bytes(20)],
    "image/png": [PNG],
    "image/webp": [b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(20)],
    "video/mp4": [
        MP4,
        b"\x00\x00\x00\x18ftypmp42" + bytes(20),
        b"\x00\x00\x00\x14ftypqt  " + bytes(9),
    ],
    "audio/mpeg": [b"ID3\x04" + bytes(20), b"\xff\xfb\x90\x64" + bytes(20), b"\xff\xf3\x80\x00"],
    "audio/wav": [b"RIFF\x0a\x00\x0a\x00WAVEfmt " + bytes(20)],
}
BAD = {
    "empty": b"",
    "one byte": b"\xff",
    "html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "xml": b'<?xml version="1.0"?><svg/>',
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\nfile:///etc/passwd\n",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "pdf": b"%PDF-1.7\n",
    "json": b'{"detail": "not found, or whatever"}',
    "gif": b"GIF89a" + bytes(20),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "zip": b"PK\x03\x04" + bytes(20),
    "elf": b"\x7fELF" + bytes(20),
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(20),
    "avif": b"\x00\x00\x00\x20ftypavif" + bytes(20),
    "heic": b"\x00\x00\x00\x20ftypheic" + bytes(20),
    "m4a": b"\x00\x00\x00\x20ftypM4A " + bytes(20),
    "aac": b"\xff\xf1\x50\x80" + bytes(20),
    "webm": b"\x1aE\xdf\xa3" + bytes(20),
    "png late": b"\n\x89PNG\r\n\x1a\n" + bytes(20),
    "utf-16": "<html>".encode("utf-16") + bytes(20),
}


@pytest.mark.parametrize("kind", GOOD)
def test_each_kind_is_known_by_its_first_bytes_and_refused_where_another_is_wanted(
    kind: str, server: Server, tmp_path: Path
) -> None:
    for body in GOOD[kind]:
        server.answers = [whole(body)]
        assert get_from(server, tmp_path, kinds=list(GOOD)).content_type == kind
        failure(server, tmp_path, BadModelOutput, kinds=set(GOOD) - {kind})


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_picture_clip_or_sound_is_refused_whatever_it_says(
    body: bytes, server: Server, tmp_path: Path
) -> None:
    headers = f"Content-Type: image/png\r\nContent-Length: {len(body)}\r\n"
    server.answers = [raw(reply(200, headers, body))]
    told = failure(server, tmp_path, BadModelOutput, kinds=list(GOOD))
    assert told.startswith("The model's result is ")
    assert len(server.hits) == 1


def test_the_message_names_what_was_wanted(server: Server, tmp_path: Path) -> None:
    server.answers = [whole(BAD["html"])]
    assert "is not a picture we" in failure(server, tmp_path, BadModelOutput)
    assert "is not a clip we" in failure(server, tmp_path, BadModelOutput, kinds=["video/mp4"])
    server.answers = [whole(b"")]
    assert "is empty" in failure(server, tmp_path, BadModelOutput)


def test_a_page_is_refused_by_its_first_bytes_without_waiting_for_the_rest(
    server: Server, tmp_path: Path
) -> None:
    # The body goes on for ever: whoever waits for it would end as busy.
    server.answers = [lambda handler: handler.drip(reply(200, "", BAD["html"] + bytes(10_000)))]
    failure(server, tmp_path, BadModelOutput, limit_s=60)


# ---- inside the answer


def as_data(body: bytes, head: str = "data:image/png;base64,") -> str:
    return head + base64.b64encode(body).decode()


def test_a_result_inside_the_answer_is_unpacked_by_the_same_door(tmp_path: Path) -> None:
    for url in (as_data(PNG), as_data(PNG, "DATA:text/html;charset=x;base64,")):
        got = get(url, tmp_path, max_bytes=len(PNG))
        assert got.path.read_bytes() == PNG
        assert got.content_type == "image/png"


@pytest.mark.parametrize(
    "url",
    [
        *["data:", "data:,", "data:image/png,abc", "data:image/png;base64,"],
        *[as_data(PNG, "data:image/png,"), as_data(PNG, "data:" + "a" * 99 + ";base64,")],
        *[as_data(PNG) + "*", as_data(PNG)[:-3], as_data(PNG) + "\n", as_data(PNG) + "é"],
        *[as_data(BAD["html"]), as_data(BAD["svg"]), as_data(b"")],
    ],
    ids=range(13),
)
def test_a_damaged_or_wrong_result_inside_the_answer_is_refused(url: str, tmp_path: Path) -> None:
    refusal(BadModelOutput, get, url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_result_inside_the_answer_has_the_same_cap(tmp_path: Path) -> None:
    for most in (len(PNG) - 1, len(PNG) // 2):
        told = refusal(
            BadModelOutput,
            data_uri,
            as_data(PNG),
            tmp_path / "a",
            kinds=KINDS,
            max_bytes=most,
        )
        assert "larger than" in told
    assert list(tmp_path.iterdir()) == []


# ---- the disk


def test_a_full_disk_is_told_plainly(server: Server, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    server.answers = [whole(PNG * 20)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        told = failure(server, tmp_path, Unavailable, max_bytes=10_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.startswith("The result could not be saved (File too large). Free some space")


def test_a_folder_that_is_not_there_is_told_plainly(server: Server, tmp_path: Path) -> None:
    told = refusal(Unavailable, get_from, server, tmp_path / "gone")
    assert "No such file or directory" in told
