"""`python -m tests.replicate_server`: the fake by hand, to click through adgen against it."""

from __future__ import annotations

import argparse
import contextlib
import time

from tests.replicate_server import ReplicateServer

USUAL = {"text": 1.5, "image": 4.0, "clip": 12.0, "audio": 6.0}
SLOW = {"text": 8.0, "image": 25.0, "clip": 90.0, "audio": 60.0}


def main() -> None:
    """Serve until Ctrl-C, and say what is ordered."""
    parser = argparse.ArgumentParser(prog="python -m tests.replicate_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--slow", action="store_true", help="as slow as models that boot first")
    options = parser.parse_args()
    seconds, waits = (SLOW, 20.0) if options.slow else (USUAL, 1.0)
    fake = ReplicateServer(seconds=seconds, port=options.port, starting_seconds=waits)
    with fake, contextlib.suppress(KeyboardInterrupt):
        _welcome(fake)
        _report(fake)


def _welcome(fake: ReplicateServer) -> None:
    settings = [f"{name}={value}" for name, value in fake.env.items()]
    print(f"A fake Replicate listens on {fake.url}; nothing it makes costs anything.\n")
    print("For a shell or .env:\n", *settings, sep="\n  ")
    print("\nTo start adgen against it, in another terminal:\n")
    print(f"  {' '.join(settings)} make run\n")
    print("Ctrl-C ends it. Orders so far:", flush=True)


def _report(fake: ReplicateServer) -> None:
    told = 0
    while True:
        for creation in fake.creations[told:]:
            told += 1
            print(f"  {time.strftime('%H:%M:%S')}  {creation.model}  {creation.id}", flush=True)
        time.sleep(0.3)


if __name__ == "__main__":
    main()
