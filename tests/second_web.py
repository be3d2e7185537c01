"""What another web process does with an ad and a password: `python -m tests.second_web URL AD`.

It says `ready`, reads the title to wait for, looks at the ad until it has it, tries a wrong
password, and says how that was answered and how often the database was asked for all of it.
"""

from __future__ import annotations

import sys

from adgen.commands import Commands
from adgen.domain import SYSTEM
from adgen.errors import TooManyTries
from adgen.store.database import Database
from tests.conftest import until
from tests.test_memory import at_hand
from tests.test_snapshots import statements


def main(url: str, ad_id: str) -> None:
    database = Database(url)
    act = Commands(database)
    until(lambda: at_hand(act))
    # The first look opens the ear; the next one shows what every later one has to see.
    until(lambda: act.news.hears or not act.watch_ad(SYSTEM, ad_id))
    act.watch_ad(SYSTEM, ad_id)
    print("ready", flush=True)
    title = sys.stdin.readline().strip()
    with statements(database) as asked:
        until(lambda: act.watch_ad(SYSTEM, ad_id).title == title)
        try:
            act.sign_in("ann@example.com", "wrong", "203.0.113.7")
        except TooManyTries as error:
            print(error.user_message)
    print("asked", len(asked))
    act.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
