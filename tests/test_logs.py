"""Records say what they are about, a line each, and never what is nobody's business."""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest

from adgen import logs

log = logging.getLogger("adgen.test")
SECRETS = {
    "r8_abcdefghijklmnop": "token r8_abcdefghijklmnop was refused",
    "sk-0123456789abcdef": "Authorization: Bearer sk-0123456789abcdef",
    "ann@example.com": "no user ann@example.com here",
    "hunter2": "postgresql://adgen:hunter2@db/adgen cannot be reached",
    "X-Amz-Signature": "GET https://files.example/x.png?X-Amz-Signature=1",
    "s3cr3tlink": "opened /api/share/s3cr3tlink/files",
    "pink shoes": "bad row\nDETAIL:  Failing row contains (1, pink shoes).",
    "oak chair": "[SQL: SELECT]\n[parameters: {'prompt': 'oak\n chair oak chair'}]",
    "red bike": "1 error [type=x, input_value='red bike', input_type=str]",
}


class Sink:
    """What a process would print in one of the forms."""

    def __init__(self, form: logging.Formatter) -> None:
        self._out = StringIO()
        self.handler = logging.StreamHandler(self._out)
        self.handler.setFormatter(form)
        log.addHandler(self.handler)
        log.setLevel(logging.DEBUG)

    def lines(self) -> list[str]:
        return self._out.getvalue().splitlines()

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture(params=[logs.Lines, logs.Words])
def any_form(request: pytest.FixtureRequest) -> Any:
    sink = Sink(request.param())
    yield sink
    log.removeHandler(sink.handler)


@pytest.fixture
def sink() -> Any:
    made = Sink(logs.Lines())
    yield made
    log.removeHandler(made.handler)


def _raise(words: str) -> None:
    raise ValueError(words)


def _fail(words: str) -> None:
    try:
        _raise(words)
    except ValueError:
        log.exception("failed")


def test_records_carry_what_they_are_about(sink: Sink) -> None:
    with logs.about_run("4f:images:1"), logs.about(stage="image", slot=3):
        log.info("made in %.1f s", 1.5)
    log.info("idle")
    inside, outside = sink.records()
    assert inside["message"] == "made in 1.5 s"
    assert inside.items() >= {"ad": "4f", "job": "4f:images:1", "stage": "image", "slot": 3}.items()
    assert "ad" not in outside


def test_threads_of_a_pool_speak_of_the_same(sink: Sink) -> None:
    with logs.about(job="a:1"), ThreadPoolExecutor(2, initializer=logs.carried()) as pool:
        pool.submit(log.info, "a part").result()
    assert sink.records()[0]["job"] == "a:1"


def test_what_is_found_out_later_is_said_by_whoever_began(sink: Sink) -> None:
    with logs.about(request="r"), ThreadPoolExecutor(1, initializer=logs.carried()) as pool:
        logs.note(person=7)
        pool.submit(logs.note, person=8).result()
        log.info("ended")
    logs.note(person=9)
    assert sink.records()[0]["person"] == 7


def test_secrets_are_in_no_form(any_form: Sink) -> None:
    for words in SECRETS.values():
        log.warning("%s", words)
        _fail(words)
    said = "\n".join(any_form.lines())
    assert [secret for secret in SECRETS if secret in said] == []
    assert "ValueError" in said


def test_nobody_can_forge_a_record(any_form: Sink) -> None:
    with logs.about(ad="x]\n2026-01-01T00:00:00.000Z ERROR forged"):
        log.info("a name\n2026-01-01T00:00:00.000Z ERROR adgen: \x1b[31mforged")
    [line] = any_form.lines()
    assert "\x1b" not in line


def test_a_traceback_is_part_of_its_line(sink: Sink) -> None:
    _fail("x")
    [record] = sink.records()
    assert record["error"] == "ValueError"
    assert "Traceback" in record["trace"]


def test_others_handlers_are_taken_over() -> None:
    vendor = logging.getLogger("vendor.of.tests")
    vendor.addHandler(logging.StreamHandler(sys.stderr))
    vendor.propagate = False
    logs.take_over()
    assert vendor.handlers == []
    assert vendor.propagate
