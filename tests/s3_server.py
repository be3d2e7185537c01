"""A real S3 server for tests, SeaweedFS: it checks every signature, and can be taken away."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
from botocore.config import Config

from tests.conftest import STARTED, free_port, until

KEY, SECRET = "adgen-test-key", "adgen-test-secret"
_PARTS = ("master", "volume", "filer", "s3")


def find_weed() -> str | None:
    """The server's program, which requirements-dev.txt brings."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@dataclass
class S3Server:
    """One server under a folder. Its buckets outlive a `kill`."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for part in _PARTS:
            self.ports |= {part: free_port(), f"{part}.grpc": free_port()}
        self.folder.mkdir(parents=True, exist_ok=True)
        person = {
            "name": "tests",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (self.folder / "s3.json").write_text(json.dumps({"identities": [person]}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    def start(self) -> S3Server:
        program = find_weed()
        assert program
        ports = [
            f"-{name.replace('.grpc', '.port.grpc') if 'grpc' in name else name + '.port'}={port}"
            for name, port in self.ports.items()
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(program, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports),
                    *(f"-dir={self.folder}", "-volume.max=0", "-filer", "-s3", "-s3.iam=false"),
                    *(f"-s3.config={self.folder / 's3.json'}", "-master.volumeSizeLimitMB=128"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )
        STARTED.append(self.process)
        until(self.ready, 60, "the S3 server's start")
        return self

    def ready(self) -> bool:
        try:
            room = httpx.get(f"http://127.0.0.1:{self.ports['master']}/dir/status", timeout=5)
            return (
                httpx.get(self.url, timeout=5).status_code == 403
                and room.json()["Topology"]["Max"] > 0
            )
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def kill(self) -> None:
        """Gone at once, as with a broken machine; asked kindly it would take half a minute."""
        if self.process:
            self.process.kill()
            self.process.wait(30)

    def client(self, secret: str = SECRET) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="auto",
            aws_access_key_id=KEY,
            aws_secret_access_key=secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def bucket(self) -> str:
        """A new, empty bucket."""
        name = f"t-{uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def env(self, bucket: str) -> dict[str, str]:
        """Settings with which files are kept there."""
        return {
            "ADGEN_S3_BUCKET": bucket,
            "ADGEN_S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """A running server."""
    server = S3Server(folder).start()
    try:
        yield server
    finally:
        server.kill()
