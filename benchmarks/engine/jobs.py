"""What contenders are asked and what they answer, as lines of JSON. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["chats", "evaluation"]

SAMPLING: Mapping[str, float] = {
    "temperature": 0.7, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.1,
}  # fmt: skip
"""The same for everybody, under names that all of them know."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a contender loads its model.

    Args:
        model: the GGUF file.
        threads: for decoding and for prefill.
        slots: answers decoded together.
        n_ctx_tokens: the KV cache's size, all slots together.
    """

    model: str
    threads: int
    slots: int
    n_ctx_tokens: int


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation.

    Args:
        messages: OpenAI's.
        seed: of the sampler.
        max_tokens: of the answer.
    """

    messages: Sequence[Mapping[str, str]]
    seed: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Job:
    """What one contender runs in one go.

    Args:
        kind: streamed chats, or one policy evaluated on prompts.
        chats: those that arrive together.
        late: one that arrives when each of the others has `late_after` tokens.
        late_after: see there.
        number: different in each job, for prompts that nobody has seen.
    """

    kind: Kind = "chats"
    chats: Sequence[Chat] = ()
    late: Chat | None = None
    late_after: int = 16
    number: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer, as its client saw it.

    Args:
        sent_s: when it was asked, on the contender's clock.
        times_s: when each piece of text came.
        n_tokens: of the answer.
        n_prompt: tokens of the prompt.
        n_cached: of them, those that were not computed again; None where nobody says.
    """

    sent_s: float
    times_s: Sequence[float]
    n_tokens: int
    n_prompt: int = 0
    n_cached: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job.

    Args:
        wall_s: from the first request to the last token.
        streams: in the order of the job's chats, the late one last.
        extra: what only this contender can tell.
        peak_memory_bytes: most resident memory while it ran.
        error: why there is nothing; None if all is well.
    """

    wall_s: float
    streams: Sequence[Stream] = ()
    extra: Mapping[str, float] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    error: str | None = None


def to_line(value: Setup | Job | Outcome) -> str:
    """One line of JSON."""
    return json.dumps(asdict(value)) + "\n"


def setup_from(line: str) -> Setup:
    """Read what `to_line` wrote."""
    return Setup(**json.loads(line))


def job_from(line: str) -> Job:
    """Read what `to_line` wrote."""
    data: dict[str, Any] = json.loads(line)
    chats = [Chat(**chat) for chat in data.pop("chats")]
    late = data.pop("late")
    return Job(chats=chats, late=Chat(**late) if late else None, **data)


def outcome_from(line: str) -> Outcome:
    """Read what `to_line` wrote."""
    data: dict[str, Any] = json.loads(line)
    return Outcome(streams=[Stream(**stream) for stream in data.pop("streams")], **data)
