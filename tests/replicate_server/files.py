"""Files clients upload for models to read, and the multipart bodies they come in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.replicate_server.predictions import new_id, stamp
from tests.replicate_server.wire import Request

OWNER = "adgen-tests"
KEPT = timedelta(hours=24)
_NAME = re.compile(r'\bname="([^"]*)"')
_FILENAME = re.compile(r'filename="((?:\\.|[^"\\])*)"')


class BadForm(Exception):
    """The body is no form with a `content` part."""


@dataclass(frozen=True)
class Part:
    """One part of a multipart form."""

    name: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Upload:
    """A stored file."""

    name: str
    content_type: str
    data: bytes
    metadata: dict[str, Any]
    id: str = field(default_factory=new_id)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self, url: str) -> dict[str, Any]:
        """The file as the API words it."""
        digest = hashlib.sha256(self.data).hexdigest()
        return {
            "id": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size": len(self.data),
            "etag": digest[:32],
            "checksums": {
                "sha256": digest,
                "md5": hashlib.md5(self.data, usedforsecurity=False).hexdigest(),
            },
            "metadata": self.metadata,
            "created_at": stamp(self.created),
            "expires_at": stamp(self.created + KEPT),
            "urls": {"get": f"{url}/v1/files/{self.id}"},
        }


class Signer:
    """Signs download links, so that they need no token."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)

    def query(self, file_id: str) -> str:
        """The signed part of a link good for an hour."""
        expiry = str(int(time.time()) + 3600)
        signature = quote(self._sign(file_id, OWNER, expiry), safe="")
        return f"owner={OWNER}&expiry={expiry}&signature={signature}"

    def valid(self, file_id: str, request: Request) -> bool:
        """Whether a request carries a link of ours that still holds."""
        owner, expiry = request.query.get("owner", ""), request.query.get("expiry", "")
        signed = self._sign(file_id, owner, expiry)
        fresh = expiry.isdigit() and int(expiry) > time.time()
        return fresh and hmac.compare_digest(signed, request.query.get("signature", ""))

    def _sign(self, file_id: str, owner: str, expiry: str) -> str:
        text = f"{owner} {file_id} {expiry}".encode()
        return base64.b64encode(hmac.digest(self._secret, text, "sha256")).decode()


def read_upload(request: Request) -> Upload:
    """The file in a form's `content` part, with its `metadata` part."""
    parts = {part.name: part for part in _parts(request)}
    content = parts.get("content")
    if content is None:
        raise BadForm("content is required")
    metadata = json.loads(parts["metadata"].data) if "metadata" in parts else {}
    return Upload(content.filename or "file", content.content_type, content.data, metadata)


def _parts(request: Request) -> list[Part]:
    kind, _, rest = request.headers.get("content-type", "").partition("boundary=")
    if "multipart/form-data" not in kind:
        raise BadForm("The body must be multipart/form-data")
    mark = b"--" + rest.partition(";")[0].strip('" ').encode()
    # What stands before the first mark and after the last is no part.
    pieces = (b"\r\n" + request.body).split(b"\r\n" + mark)[1:-1]
    return [_part(piece) for piece in pieces]


def _part(piece: bytes) -> Part:
    head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    where = headers.get("content-disposition", "")
    name, filename = _NAME.search(where), _FILENAME.search(where)
    return Part(
        name[1] if name else "",
        filename[1] if filename else "",
        headers.get("content-type", "application/octet-stream"),
        data,
    )
