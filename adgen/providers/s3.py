"""The door to S3 and what speaks like it, such as R2: objects of one bucket, written once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO, Any
from urllib.parse import quote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from adgen.errors import NotFound, StorageAway, Unavailable
from adgen.providers.storage import Kept, is_key, type_of

# Nothing under a key ever changes.
CACHING = "private, max-age=31536000, immutable"
LINK_S = 15 * 60
# A link is given again for this long, so that a browser finds what it has by its address.
LINK_AGAIN_S = 5 * 60
# Files above the first number go up in parts of the second, which R2 wants to be equal.
LARGE = 16 * 2**20
PART = 8 * 2**20
_PIECE = 2**18
# Put again when it is older than this, it is made young, as local files are.
_YOUNG = timedelta(hours=12)
_RULE = "adgen-parts"
_GONE = {"404", "NoSuchKey", "NotFound"}
_THERE = {"412", "PreconditionFailed"}
_REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


def _client(endpoint: str | None) -> Any:
    # What is newer than plain signed bodies is refused by many that speak like S3.
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "max_attempts": 3},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=16,
    )
    session = boto3.Session()
    region = session.region_name or ("auto" if endpoint else "us-east-1")
    return session.client("s3", endpoint_url=endpoint, region_name=region, config=config)


class Bucket:
    """Raises NotFound for an object that is not there, StorageAway for all that may pass."""

    def __init__(self, name: str, endpoint: str | None, public: str | None = None) -> None:
        """`public` is where browsers reach the server, if not at `endpoint`."""
        self.name = name
        self._endpoint, self._public = endpoint, public
        self._lock = Lock()
        self._links: dict[tuple[str, str | None], tuple[float, str]] = {}

    def __str__(self) -> str:
        return f"bucket {self.name} at {urlsplit(self.client.meta.endpoint_url).netloc}"

    @cached_property
    def client(self) -> Any:
        """Made at first use, and safe to share between threads."""
        return _client(self._endpoint)

    @cached_property
    def _signer(self) -> Any:
        # A signature is good for one host only. Signing never connects.
        return _client(self._public) if self._public else self.client

    @property
    def origin(self) -> str:
        """What its links begin with, as a browser's policy names it."""
        address = urlsplit(self._signer.meta.endpoint_url)
        return f"{address.scheme}://{address.netloc}"

    # ---- writing

    def upload(self, key: str, path: Path) -> None:
        """Put a file there unless it is there."""
        facts = self._facts(key)
        try:
            with _said(self), path.open("rb") as file:
                if path.stat().st_size > LARGE:
                    self._upload_parts(facts, file)
                else:
                    self.client.put_object(**facts, Body=file, IfNoneMatch="*")
        except _ThereAlready:
            self.renew(key)

    def _facts(self, key: str) -> dict[str, Any]:
        return {
            "Bucket": self.name,
            "Key": key,
            "ContentType": type_of(key),
            "CacheControl": CACHING,
            "Metadata": {"sha256": Path(key).stem},
        }

    def _upload_parts(self, facts: dict[str, Any], file: IO[bytes]) -> None:
        """A part at a time; what fails midway leaves no parts to be paid for."""
        place = {"Bucket": facts["Bucket"], "Key": facts["Key"]}
        place["UploadId"] = self.client.create_multipart_upload(**facts)["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            while piece := file.read(PART):
                number = len(parts) + 1
                answer = self.client.upload_part(**place, PartNumber=number, Body=piece)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            self.client.complete_multipart_upload(
                **place, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            # If this fails too, the bucket's own rule takes them away in a day.
            with suppress(BotoCoreError, ClientError, HTTPClientError):
                self.client.abort_multipart_upload(**place)
            raise

    def renew(self, key: str) -> bool:
        """Whether it is there; if so it is young again, so that no clean-up takes it for left."""
        try:
            with _said(self):
                found = self.client.head_object(Bucket=self.name, Key=key)
                if found["LastModified"] < datetime.now(UTC) - _YOUNG:
                    itself = {"Bucket": self.name, "Key": key}
                    self.client.copy_object(
                        **self._facts(key), CopySource=itself, MetadataDirective="REPLACE"
                    )
        except NotFound:
            return False
        return True

    def is_young(self, key: str) -> bool:
        """Whether it was put or renewed so lately that its row may still be on its way."""
        try:
            with _said(self):
                found = self.client.head_object(Bucket=self.name, Key=key)
        except NotFound:
            return False
        return bool(found["LastModified"] > datetime.now(UTC) - 2 * _YOUNG)

    def has(self, key: str) -> bool:
        """Whether it is there."""
        try:
            with _said(self):
                self.client.head_object(Bucket=self.name, Key=key)
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        """Take it away; one that is gone already is no error."""
        with _said(self):
            self.client.delete_object(Bucket=self.name, Key=key)

    # ---- reading

    def digest(self, key: str, out: IO[bytes] | None = None) -> str:
        """The sha256 of what is there, read a piece at a time and written to `out`."""
        seen = hashlib.sha256()
        with _said(self), closing(self._body(key)) as body:
            for piece in body.iter_chunks(_PIECE):
                seen.update(piece)
                if out:
                    out.write(piece)
        return seen.hexdigest()

    def _body(self, key: str) -> Any:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"]

    def download(self, key: str, out: IO[bytes]) -> None:
        """Write the object to `out`; Unavailable when it is not what it was."""
        if self.digest(key, out) != Path(key).stem:
            raise Unavailable(
                f"The file {key} in the {self} is damaged. Restore it from a backup; "
                "python -m adgen storage check tells which are."
            )

    def list_kept(self) -> Iterator[Kept]:
        """Every file of ours that is there."""
        with _said(self):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
            for page in pages:
                for found in page.get("Contents", ()):
                    if is_key(found["Key"]):
                        yield Kept(
                            key=found["Key"], size_bytes=found["Size"], at=found["LastModified"]
                        )

    def link(self, key: str, content_type: str, name: str | None) -> str:
        """A signed address of this one object, which ends within a quarter of an hour."""
        now = time.monotonic()
        with self._lock:
            made, link = self._links.get((key, name), (0.0, ""))
        if link and now - made < LINK_AGAIN_S:
            return link
        asked = {"Bucket": self.name, "Key": key, "ResponseContentType": content_type}
        if name is not None:
            asked["ResponseContentDisposition"] = f"attachment; filename*=utf-8''{quote(name)}"
        with _said(self):
            link = str(self._signer.generate_presigned_url("get_object", asked, ExpiresIn=LINK_S))
        with self._lock:
            self._links = {
                known: kept for known, kept in self._links.items() if now - kept[0] < LINK_AGAIN_S
            } | {(key, name): (now, link)}
        return link

    # ---- the bucket itself

    def check(self) -> None:
        """Raise StorageAway when the bucket cannot be reached with these keys."""
        try:
            with _said(self):
                self.client.head_bucket(Bucket=self.name)
        except NotFound as error:
            raise StorageAway(
                f"There is no {self}. Create it, or correct ADGEN_S3_BUCKET."
            ) from error

    def expire_parts(self) -> bool:
        """Have the bucket take parts of broken uploads away after a day; whether it does.

        Rules of other people in it are kept. Not every key may change rules.
        """
        ours = {
            "ID": _RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
        try:
            rules = self._rules()
            if all(rule.get("ID") != _RULE for rule in rules):
                self.client.put_bucket_lifecycle_configuration(
                    Bucket=self.name, LifecycleConfiguration={"Rules": [*rules, ours]}
                )
        except (BotoCoreError, ClientError, HTTPClientError):
            return False
        return True

    def _rules(self) -> list[dict[str, Any]]:
        try:
            found = self.client.get_bucket_lifecycle_configuration(Bucket=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
                return []
            raise
        rules: list[dict[str, Any]] = found.get("Rules", [])
        return rules


class _ThereAlready(Exception):
    """The object is there: what was to be written has been."""


@contextmanager
def _said(bucket: Bucket) -> Iterator[None]:
    """The vendor's errors in our words."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise NotFound("That file is no longer in storage.") from error
        if code in _THERE:
            raise _ThereAlready from error
        if code in _REFUSED:
            raise StorageAway(
                f"The {bucket} refuses us ({code}). Check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and what that key may do."
            ) from error
        raise StorageAway(f"The {bucket} cannot be used now ({code}).") from error
    except (BotoCoreError, HTTPClientError, ConnectionError, TimeoutError) as error:
        raise StorageAway(f"The {bucket} cannot be reached ({type(error).__name__}).") from error
