"""Who orders next: people take turns, and only the first of a line asks."""

from __future__ import annotations

import threading

import pytest

from adgen.errors import Cancelled
from adgen.turns import Turns
from tests.conftest import until


def test_a_newcomer_stands_behind_one_of_each_other_person() -> None:
    turns, opened = Turns(), threading.Event()
    served: list[int] = []

    def call(person: int) -> None:
        def may_go() -> bool:
            # Asked of one at a time.
            if opened.is_set():
                served.append(person)
            return opened.is_set()

        turns.take("model", person, may_go, lambda: None)

    threads = []
    for person in (1, 1, 1, 1, 2, 2, 2, 3):
        thread = threading.Thread(target=call, args=(person,))
        thread.start()
        threads.append(thread)
        until(lambda: len(turns._lines["model"].waiting) == len(threads), 10, "its place")
    opened.set()
    for thread in threads:
        thread.join(10)
    assert sorted(served[:3]) == [1, 2, 3]
    assert sorted(served[3:5]) == [1, 2]
    assert served[7] == 1


def test_who_is_stopped_leaves_the_line_to_the_others() -> None:
    turns = Turns()

    def stop() -> None:
        raise Cancelled("Stopped before it began.")

    with pytest.raises(Cancelled):
        turns.take("model", 1, lambda: False, stop)
    turns.take("model", 2, lambda: True, stop)
