"""What is run, by whom and in which order. Values only; `run` does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.engine.jobs import Chat, Job
from benchmarks.engine.prompts import long_user_prompt, system_prompt, user_prompt

ContenderName = Literal[
    "guardtune",
    "native",
    "high_level",
    "guardtune_tuner",
    "guardtune_default_openmp",
    "guardtune_profiled",
]

Sharing = Literal["own", "shared", "warm"]

N_NEW_TOKENS = 64
N_LATE_STREAMS = 8
N_LATE_STREAM_TOKENS = 240
"""Long enough to outlast the prefill of a prompt of 1,500 tokens."""

BATCHED: Sequence[ContenderName] = ("guardtune", "native")
ALL: Sequence[ContenderName] = (*BATCHED, "high_level")


@dataclass(frozen=True, slots=True)
class Workload:
    """What one contender is given at a time.

    Args:
        name: as it is reported.
        contenders: who runs it.
        n_chats: that arrive together.
        sharing: every chat its own system prompt; one for all, which nobody has seen before; or one
            for all that the workload before has used.
        is_beside_busy: whether another process takes a core meanwhile.
        is_late: whether a long prompt arrives amid the others.
        is_evaluation: whether a policy is evaluated instead.
        every: run in one of so many repeats only, because it takes long and varies little.
    """

    name: str
    contenders: Sequence[ContenderName] = ALL
    n_chats: int = 0
    sharing: Sharing = "own"
    is_beside_busy: bool = False
    is_late: bool = False
    is_evaluation: bool = False
    every: int = 1

    def job(self, number: int) -> Job:
        """The requests, the same for each contender.

        Args:
            number: of the repeat and the workload; chats of another number share nothing.
        """
        if self.is_evaluation:
            return Job("evaluation", number=number)
        n_tokens = N_LATE_STREAM_TOKENS if self.is_late else N_NEW_TOKENS
        chats = [self._chat(number, index, n_tokens) for index in range(self.n_chats)]
        late = _late_chat(number) if self.is_late else None
        return Job("chats", chats, late, number=number)

    def _chat(self, number: int, index: int, n_tokens: int) -> Chat:
        room = number * 100 + (index if self.sharing == "own" else 0)
        asked = number * 100 + index + (50 if self.sharing == "warm" else 0)
        return _chat(system_prompt(room), user_prompt(asked), asked, n_tokens)


def _late_chat(number: int) -> Chat:
    room = number * 100 + 99
    return _chat(system_prompt(room), long_user_prompt(room), room, N_NEW_TOKENS)


def _chat(system: str, user: str, seed: int, max_tokens: int) -> Chat:
    messages = ({"role": "system", "content": system}, {"role": "user", "content": user})
    return Chat(messages, seed, max_tokens)


WORKLOADS: Sequence[Workload] = (
    Workload("1 own", n_chats=1),
    Workload("1 shared", n_chats=1, sharing="shared"),
    Workload("4 own", n_chats=4),
    Workload("4 shared", n_chats=4, sharing="shared"),
    Workload("16 own", n_chats=16),
    Workload("16 shared", n_chats=16, sharing="shared"),
    Workload("16 warm", BATCHED, n_chats=16, sharing="warm"),
    Workload("32 own", BATCHED, n_chats=32),
    Workload("32 own, one by one", ("high_level",), n_chats=32, every=3),
    Workload("32 shared", BATCHED, n_chats=32, sharing="shared"),
    Workload("32 shared, one by one", ("high_level",), n_chats=32, sharing="shared", every=3),
    Workload("long prompt amid 8", BATCHED, n_chats=N_LATE_STREAMS, is_late=True),
    Workload("evaluation", ("guardtune_tuner", "high_level"), is_evaluation=True),
    Workload("1 own, busy", (*ALL, "guardtune_default_openmp"), n_chats=1, is_beside_busy=True),
    Workload(
        "16 own, busy", (*BATCHED, "guardtune_default_openmp"), n_chats=16, is_beside_busy=True
    ),
    Workload("16 own, profiled", ("guardtune_profiled",), n_chats=16),
)

QUICK: Sequence[Workload] = (
    Workload("1 own", n_chats=1),
    Workload("16 own", BATCHED, n_chats=16),
    Workload("16 shared", BATCHED, n_chats=16, sharing="shared"),
    Workload("16 own, profiled", ("guardtune_profiled",), n_chats=16),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender's go at one workload."""

    repeat: int
    workload: Workload
    contender: ContenderName
    number: int

    @property
    def key(self) -> str:
        """Names it among all turns of a run."""
        return f"{self.repeat}/{self.workload.name}/{self.contender}"


def turns(workloads: Sequence[Workload], n_repeats: int) -> Iterator[Turn]:
    """All turns in their order: contenders side by side in time, and each goes first in turn.

    A machine's mood changes over minutes, so what is compared has to be close together.
    """
    for repeat in range(n_repeats):
        for place, workload in enumerate(workloads):
            if repeat % workload.every:
                continue
            # What is warm repeats the system prompt of the workload before.
            numbered = place - 1 if workload.sharing == "warm" else place
            number = 1 + repeat * len(workloads) + numbered
            first = repeat % len(workload.contenders)
            for contender in (*workload.contenders[first:], *workload.contenders[:first]):
                yield Turn(repeat, workload, contender, number)
