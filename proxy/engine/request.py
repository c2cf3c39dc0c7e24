"""What is asked of the engine, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from proxy.domain import Priority
from proxy.engine.logprobs import TokenLogprobs
from proxy.engine.sampling import Sampling

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Request:
    """One sequence to generate.

    Args:
        id: unique within the engine.
        prompt: token ids, at least one.
        max_tokens: at least 1; prompt and answer together fit into the context.
        sampling: how tokens are chosen.
        stop: strings that end the answer and are not part of it.
        n_shared: tokens at the prompt's start that other requests are likely to share: system
            prompt, demonstrations, earlier turns.
        priority: users before probes.
        n_top_logprobs: how many alternatives to report with each token; None for no figures.
    """

    id: int
    prompt: tuple[int, ...]
    max_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    n_shared: int = 0
    priority: Priority = Priority.USER
    n_top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Token counts of a finished sequence; `n_cached` prompt tokens were not prefilled anew."""

    n_prompt: int
    n_generated: int
    n_cached: int


class Output(NamedTuple):
    """A piece of one sequence's answer; the last one carries reason and counts."""

    text: str
    finish_reason: FinishReason | None = None
    counts: Counts | None = None
    logprobs: tuple[TokenLogprobs, ...] = ()


class Failure(NamedTuple):
    """The sequence has ended without an answer; the error is for whoever waits for it."""

    error: Exception


class Cancelled(NamedTuple):
    """The sequence was cancelled, and its slot is free."""


class Event(NamedTuple):
    """What a step had to say about one request."""

    request_id: int
    outcome: Output | Failure | Cancelled
