"""Print one line a figure: `NAME VALUE (want <= LIMIT) ok|MISS`; non-zero when one misses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from bench import (
    bounds,
    capacity,
    compose,
    keys,
    library,
    live,
    make_ad,
    orders,
    polls,
    spend,
    studio,
    workers,
)
from bench.figure import Figure

BENCHES: dict[str, Callable[[], Iterator[Figure]]] = {
    "bounds": bounds.figures,
    "capacity": capacity.figures,
    "compose": compose.figures,
    "keys": keys.figures,
    "library": library.figures,
    "live": live.figures,
    "make_ad": make_ad.figures,
    "orders": orders.figures,
    "polls": polls.figures,
    "spend": spend.figures,
    "studio": studio.figures,
    "workers": workers.figures,
}


def main() -> int:
    """Run the benches named on the command line, or all."""
    missed = 0
    for name in sys.argv[1:] or BENCHES:
        for figure in BENCHES[name]():
            print(figure.line(), flush=True)
            missed += not figure.held
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
