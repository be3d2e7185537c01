"""A process that takes uploads by the API's own routes and says what each one did to it.

`python -m tests.api.uploading DATABASE_URL TOKEN AD FOLDER`: for each file of the folder a line of
JSON. Only what is sent is in its memory beside the app.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from types import SimpleNamespace

from adgen import launch
from adgen.commands import Commands
from adgen.store.database import Database
from tests.asking import Client

KIB = 1024
# What is left in a file that was only passed on.
TRACES = ("script", "__xss", "PK\x03\x04", "%PDF", "html", "Exif", "ICC_PROFILE")


def main(url: str, token: str, ad: str, folder: Path) -> None:
    database = Database(url)
    commands = Commands(database)
    launch._running = SimpleNamespace(commands=commands, database=database)  # type: ignore[assignment]
    client = Client()
    headers = {"Authorization": f"Bearer {token}"}
    for file in sorted(folder.iterdir()):
        kind, _, name = file.name.partition("--")
        Path("/proc/self/clear_refs").write_text("5")
        path = f"/api/sessions/{ad}/{kind}"
        with file.open("rb") as data:
            answer = client.ask("POST", path, files={"file": (name, data)}, headers=headers)
        told = answer.json()
        kept = None
        if asset := told.get("asset_id"):
            kept = client.get(f"/api/files/{asset}", headers=headers)
            client.ask("DELETE", f"{path}/{asset}", headers=headers)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        line = {
            "name": file.name,
            "status": answer.status_code,
            "said": told.get("detail", ""),
            "headers": dict(kept.headers) if kept else {},
            "traces": [t for t in TRACES if kept and t.encode() in kept.content],
            "peak": _peak(),
            "children_peak": children * KIB,
        }
        print(json.dumps(line), flush=True)
    commands.close()


def _peak() -> int:
    """The most memory this process held since it was last asked to forget, bytes."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * KIB


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
