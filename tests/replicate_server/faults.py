"""What can go wrong, when, and for which creation: scripted or by a seeded mix."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from tests.replicate_server.schemas import Kind, Model


class Fault(StrEnum):
    """One misbehaviour of the service. What each takes as options stands beside it."""

    # At create, nothing made.
    THROTTLED = "throttled"  # seconds=1
    THROTTLED_LOW_CREDIT = "throttled_low_credit"  # seconds=5
    NO_CREDIT = "no_credit"
    BAD_TOKEN = "bad_token"
    MODEL_GONE = "model_gone"
    BAD_INPUT = "bad_input"
    ERROR_500 = "error_500"
    HTML_502 = "html_502"
    RESET_BEFORE = "reset_before"
    # At create, made all the same. Each takes hidden=seconds: how long the list lacks it.
    RESET_AFTER = "reset_after"
    SLOW_ANSWER = "slow_answer"  # seconds=1
    GARBAGE_ANSWER = "garbage_answer"
    # While it runs.
    LONG_START = "long_start"  # seconds=360
    UNKNOWN_STATUS = "unknown_status"  # seconds=: how long; else all the running time
    GARBAGE_POLL = "garbage_poll"  # polls=4
    HIDDEN_FROM_LIST = "hidden_from_list"  # seconds=2
    # How it ends.
    INTERRUPTED = "interrupted"
    DIRECTOR = "director"
    UNKNOWN_E1000 = "unknown_e1000"
    OUT_OF_MEMORY = "out_of_memory"
    NSFW = "nsfw"
    SENSITIVE_E005 = "sensitive_e005"
    INPUT_INVALID_LATER = "input_invalid_later"
    ABORTED = "aborted"
    CANCELED = "canceled"
    OUTPUT_NULL = "output_null"
    OUTPUT_WRONG_TYPE = "output_wrong_type"  # value=: put this instead
    OUTPUT_URL = "output_url"  # url=: put this string instead
    PARTIAL_LIST = "partial_list"  # count=: how many; else one fewer than asked for
    TIMED_OUT_SUCCESS = "timed_out_success"
    DATA_REMOVED = "data_removed"
    # At delivery. Each takes downloads=1: how many downloads of a URL it spoils.
    TRUNCATED = "truncated"
    SLOW_DRIP = "slow_drip"  # seconds=2
    HTML_OUTPUT = "html_output"
    EXPIRED = "expired"
    PLAYLIST = "playlist"
    # In the words of a language model.
    LLM_PROSE = "llm_prose"
    LLM_FENCE = "llm_fence"
    LLM_TRUNCATED = "llm_truncated"
    LLM_FIVE = "llm_five"
    LLM_SEVEN = "llm_seven"


# How a failed prediction words it.
FAILURES = {
    Fault.INTERRUPTED: "Prediction interrupted; please retry (code: PA)",
    Fault.DIRECTOR: "Director: unexpected error handling prediction (E8765)",
    Fault.UNKNOWN_E1000: "Prediction failed. (E1000): unknown error",
    Fault.OUT_OF_MEMORY: "CUDA out of memory. Tried to allocate 2.25 GiB (GPU 0; 39.59 GiB total "
    "capacity; 36.12 GiB already allocated; 1.05 GiB free)",
    Fault.NSFW: "NSFW content detected. Try running it again, or try a different prompt.",
    Fault.SENSITIVE_E005: "The input or output was flagged as sensitive. Please try again with "
    "different inputs. (E005)",
    Fault.INPUT_INVALID_LATER: "Input validation error: image: could not be read",
}
DELIVERY = frozenset(
    {Fault.TRUNCATED, Fault.SLOW_DRIP, Fault.HTML_OUTPUT, Fault.EXPIRED, Fault.PLAYLIST}
)
_FILES_ONLY = DELIVERY | {Fault.OUTPUT_URL}
_WORDS_ONLY = frozenset(
    {Fault.LLM_PROSE, Fault.LLM_FENCE, Fault.LLM_TRUNCATED, Fault.LLM_FIVE, Fault.LLM_SEVEN}
)


@dataclass(frozen=True)
class Chosen:
    """The fault a creation got."""

    fault: Fault | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def seconds(self, otherwise: float) -> float:
        """The option of that name."""
        return float(self.options.get("seconds", otherwise))


@dataclass
class _Scripted:
    chosen: Chosen
    model: str
    prompt: str
    left: int


class Faults:
    """Chooses for each creation; tests add to it from other threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._script: list[_Scripted] = []
        self._odds: dict[Fault, float] = {}
        self._random = random.Random(0)  # noqa: S311 - repeatable, keeps no secret

    def script(
        self, fault: Fault, model: str, prompt: str, times: int, options: Mapping[str, Any]
    ) -> None:
        """The next `times` matching creations get this fault, first come first served."""
        with self._lock:
            self._script.append(_Scripted(Chosen(fault, options), model, prompt, times))

    def mix(self, odds: Mapping[Fault, float], seed: int) -> None:
        """From now on creations without a scripted fault get one of these at random."""
        with self._lock:
            self._odds = dict(odds)
            self._random = random.Random(seed)  # noqa: S311 - repeatable, keeps no secret

    def clear(self) -> None:
        """Forget all that is still to come."""
        with self._lock:
            self._script, self._odds = [], {}

    def choose(self, model: Model, prompt: str) -> Chosen:
        """The fault for one creation, used up; mostly none."""
        with self._lock:
            for entry in self._script:
                if _matches(entry, model, prompt):
                    entry.left -= 1
                    self._script = [e for e in self._script if e.left > 0]
                    return entry.chosen
            return self._at_random(model)

    def _at_random(self, model: Model) -> Chosen:
        if not self._odds:
            return Chosen()
        drawn = self._random.random()
        for fault, odds in self._odds.items():
            drawn -= odds
            if drawn < 0:
                return Chosen(fault) if can_show(fault, model) else Chosen()
        return Chosen()


def can_show(fault: Fault, model: Model) -> bool:
    """Whether a model of this kind can misbehave so."""
    if fault in _FILES_ONLY:
        return model.kind is not Kind.TEXT
    if fault in _WORDS_ONLY:
        return model.kind is Kind.TEXT
    return fault is not Fault.PARTIAL_LIST or (model.listed and model.kind is not Kind.TEXT)


def _matches(entry: _Scripted, model: Model, prompt: str) -> bool:
    fault = entry.chosen.fault
    return (
        entry.model in model.name
        and entry.prompt in prompt
        and (fault is None or can_show(fault, model))
    )
