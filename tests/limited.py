"""A worker with other limits, or of another version: `python -m tests.limited worker`.

It is the product's own worker; only its data differs. LIMITS is JSON, fields of every hosted model
by name; VERSION is the version of the runs that it takes.
"""

from __future__ import annotations

import json
import os
import sys

from adgen import jobs
from adgen.cli import main
from adgen.providers import catalogue


def arm() -> None:
    """Change the data."""
    limits = json.loads(os.environ.get("LIMITS", "{}"))
    rows = {
        ref: spec.model_copy(update=limits) if spec.door == "replicate" else spec
        for ref, spec in catalogue.catalogue().items()
    }
    catalogue.catalogue = lambda: rows  # type: ignore[assignment]
    jobs.VERSION = os.environ.get("VERSION", jobs.VERSION)


if __name__ == "__main__":
    arm()
    sys.exit(main())
