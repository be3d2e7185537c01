"""Rules of the house that no linter knows: `python -m tests.rules`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Vendors that have one door each: module -> the only files that may import it.
DOORS = {
    "replicate": ("adgen/providers/replicate.py", "tests/"),
    "redis": ("adgen/providers/redis.py", "tests/"),
    "boto3": ("adgen/providers/s3.py", "tests/"),
    "botocore": ("adgen/providers/s3.py", "tests/"),
    "mitsuba": ("adgen/providers/studio/render.py",),
    "mitsuba_oidn": ("adgen/providers/studio/render.py",),
    "moviepy": ("adgen/providers/camera.py", "bench/"),
    "imageio_ffmpeg": ("adgen/providers/ffmpeg.py", "tests/", "bench/"),
    # Outside the store only the type of a transaction is named.
    "sqlalchemy": (
        *(
            "adgen/store/",
            "adgen/jobs.py",
            "adgen/backup.py",
            "adgen/commands.py",
            "adgen/metrics.py",
            "adgen/orders.py",
            "adgen/receipts.py",
            "adgen/pipeline.py",
            "tests/",
            "bench/",
        ),
    ),
    "dbos": ("adgen/jobs.py",),
    "sentry_sdk": ("adgen/sentry.py",),
    "prometheus_client": ("adgen/metrics.py", "tests/"),
    "streamlit": ("app.py", "adgen/ui/", "pages/", "tests/", "bench/"),
}
FORBIDDEN_CALLS = {"replicate.run", "os.system"}


def main() -> int:
    """Print every breach; gives the exit code."""
    breaches = [breach for path in sources() for breach in check(path)] + [*twins()]
    for breach in breaches:
        sys.stderr.write(f"{breach}\n")
    sys.stdout.write(f"house rules: {len(breaches)} breaches\n")
    return 1 if breaches else 0


def sources() -> Iterator[Path]:
    """Every Python file of ours."""
    yield ROOT / "app.py"
    for folder in ("adgen", "pages", "tests", "bench"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def twins() -> Iterator[str]:
    """Test files that pytest would take for one, in folders that are no packages."""
    seen: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if not (path.parent / "__init__.py").exists() and seen.setdefault(path.name, path) != path:
            yield f"{path.relative_to(ROOT)}: there is one in {seen[path.name].parent.name} too"


def check(path: Path) -> Iterator[str]:
    """The breaches of one file."""
    name = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        for module in _imports(node):
            allowed = DOORS.get(module.partition(".")[0])
            if allowed is not None and not name.startswith(allowed):
                yield f"{where}: {module} may be imported only by {', '.join(allowed)}"
        if isinstance(node, ast.Call):
            yield from (f"{where}: {why}" for why in _call(node))
        if isinstance(node, ast.keyword) and node.arg == "shell" and _is_true(node.value):
            yield f"{where}: never a shell"


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def _call(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    if called in FORBIDDEN_CALLS:
        yield f"{called} is never used"
    if called.endswith("Image.open") and not any(k.arg == "formats" for k in node.keywords):
        yield "pictures are opened only with formats=[...]"


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


if __name__ == "__main__":
    sys.exit(main())
