"""One order, rendered: reads what to make from a file, writes a JPEG, or frames as an array.

It gives way to everything else on the machine, stays within its memory, and ends with its parent.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1_500_000_000
# A tenth of what the rest of the machine gets when it wants it; of 19 hardly anything is left.
NICE = 10


def main() -> int:
    """`python -m adgen.providers.studio ORDER.json OUT`."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    order: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    _render(order, Path(sys.argv[2]))
    return 0


def _end_with_parent() -> None:
    """The other end of our input closes when whoever started us is gone."""
    # Not `sys.stdin`, whose lock Python wants for itself when it ends.
    while os.read(0, 1):
        pass
    os._exit(1)


def _render(order: dict[str, Any], out: Path) -> None:
    # Only now: the limits above hold for what loading takes, too.
    import numpy as np

    from adgen.domain import View
    from adgen.providers.photos import JPEG_QUALITY
    from adgen.providers.studio import scenes

    view, size = View(order["view"]), (int(order["size"][0]), int(order["size"][1]))
    if order.get("move") is None:
        image = scenes.picture(order["inputs"], view, size, order["samples"])
        image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, comment=order["comment"])
        return
    move = scenes.Move(**order["move"])
    made = list(scenes.frames(order["inputs"], view, size, order["samples"], move))
    np.save(out, np.stack(made))


if __name__ == "__main__":
    sys.exit(main())
