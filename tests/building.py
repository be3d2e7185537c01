"""Builds our Dockerfile without an engine: its steps in a chroot on a bare Debian of its base."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT
from tests.dockerfile import Stage, Step, fill, is_ignored, read_dockerfile, read_ignored

RELEASE = "bookworm"
# The official base is this Debian and a Python in /usr/local; Debian's own 3.11 stands in for it.
BASE = """
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates python3.11-venv
ln -s /usr/bin/python3.11 /usr/local/bin/python
apt-get clean
rm -rf /var/lib/apt/lists/*
echo 127.0.0.1 localhost > /etc/hosts
"""
# Namespaces of its own, as a container has: what is left in them ends with the first process.
_ENTER = """
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev/shm"
if [ "$3" = read-only ]; then
  mount --bind "$4" "$1/data"
  mount -t tmpfs tmpfs "$1/tmp"
  mount -o remount,bind,ro "$1"
fi
root="$1" user="$2"
shift 4
exec chroot --userspec="$user" --groups= "$root" env -i "$@"
"""
NEEDED = ("debootstrap", "unshare", "nsenter", "chroot")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Image:
    """A tree, and how a process in it begins."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, words: list[str], data: Path | None = None, **more: str) -> list[str]:
        """The command line that runs these words in the tree, as root in `RUN`, else as its user.

        With `data` it is as a container is run: nothing but /data and /tmp can be written.
        """
        env = [f"{name}={value}" for name, value in (self.env | more).items()]
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _ENTER, "sh"),
            *(str(self.root), self.user, "read-only" if data else "-", str(data)),
            *(f"--chdir={self.folder}", *env, *words),
        ]

    def run(self, words: list[str], data: Path | None = None, **more: str) -> str:
        """Run to the end; gives what it said. An assertion says what went wrong."""
        done = subprocess.run(
            self.inside(words, data, **more), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def ask(self, first: int, words: list[str], **more: str) -> str:
        """Run beside a running first process, as `docker exec` would; gives what it said."""
        user, group = self.user.split(":")
        env = [f"{name}={value}" for name, value in (self.env | more).items()]
        command = [
            *("nsenter", f"--target={first}", "--mount", "--pid", "--root"),
            *(f"--setuid={user}", f"--setgid={group}", "env", "-i", f"--chdir={self.folder}"),
            *env,
        ]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def start(self, data: Path, log: Path, **more: str) -> subprocess.Popen[bytes]:
        """As `docker run` would; its first process is the child of what this gives."""
        with log.open("ab") as out:
            return subprocess.Popen(
                self.inside([*self.entry, *self.command], data, **more),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def megabytes(self) -> int:
        """What is in it."""
        done = subprocess.run(["du", "-smx", str(self.root)], capture_output=True, check=True)
        return int(done.stdout.split()[0])


def bare_debian(folder: Path) -> Path:
    """A tree to begin from, with what lets it reach the registries as this machine does."""
    root = folder / "base"
    subprocess.run(
        ["debootstrap", "--variant=minbase", RELEASE, str(root)], capture_output=True, check=True
    )
    Image(root).run(["sh", "-euc", BASE], DEBIAN_FRONTEND="noninteractive")
    for file in map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")):
        if file.is_file():
            shutil.copy(file, root / file.relative_to("/"))
    return root


def build(folder: Path, base: Path, **arguments: str) -> Image:
    """Every step of our Dockerfile, stage after stage; gives the last stage's image."""
    given, stages = read_dockerfile(ROOT / "Dockerfile")
    made: dict[str, Image] = {}
    for number, stage in enumerate(stages):
        root = folder / f"stage-{number}"
        subprocess.run(["cp", "-a", str(base), str(root)], check=True)
        image = Image(root)
        _build(image, stage, given | arguments, made)
        made[stage.name] = image
    return image


def _build(image: Image, stage: Stage, given: dict[str, str], made: dict[str, Image]) -> None:
    known: dict[str, str] = {}
    for step in stage.steps:
        match step.word:
            case "ARG":
                name, _, value = step.rest.partition("=")
                known[name] = given.get(name, value)
            case "RUN":
                image.run(["sh", "-euc", step.rest], None, **known, **_way_out())
            case "COPY":
                source = made.get(step.flags.get("from", ""))
                _copy(image, step, source.root if source else None)
            case _:
                _describe(image, step)


def _describe(image: Image, step: Step) -> None:
    """What a step says of the containers to come."""
    match step.word:
        case "WORKDIR":
            image.folder = step.rest
            (image.root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "ENV":
            for pair in step.words:
                name, _, value = pair.partition("=")
                image.env[name] = fill(value, image.env)
        case "USER":
            image.user = step.rest
        case "ENTRYPOINT":
            image.entry = step.words
        case "CMD":
            image.command = step.words
        case "HEALTHCHECK":
            image.health = json.loads(step.rest.partition("CMD ")[2])


def _way_out() -> dict[str, str]:
    """How this machine reaches the registries, and no questions asked."""
    names = [name for name in os.environ if name.lower().endswith("_proxy") or name[:4] == "PIP_"]
    return {name: os.environ[name] for name in names} | {"DEBIAN_FRONTEND": "noninteractive"}


def _copy(image: Image, step: Step, stage: Path | None) -> None:
    *sources, target = [word for word in step.words if not word.startswith("--")]
    patterns = read_ignored(ROOT / ".dockerignore")
    to = image.root / (Path(image.folder) / target).as_posix().lstrip("/")
    for source in sources:
        if stage:
            shutil.copytree(stage / source.lstrip("/"), to, symlinks=True)
            continue
        path = ROOT / source
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for file in files:
            if not is_ignored(patterns, file.relative_to(ROOT).as_posix()):
                beside = to / (file.relative_to(path) if path.is_dir() else file.name)
                beside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, beside)
