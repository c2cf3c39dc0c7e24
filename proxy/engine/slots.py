"""Where a sequence stands: its tokens, how many of them the KV cache holds, and in which phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from proxy.engine.logprobs import HeldLogprobs, TokenLogprobs
from proxy.engine.request import Counts, FinishReason, Output, Request
from proxy.engine.text import AnswerText


@dataclass(slots=True, eq=False)
class Lane:
    """One sequence of the KV cache: what it should hold, and how much of that is computed.

    Args:
        sequence: llama.cpp's sequence id.
        tokens: everything the sequence should hold.
        n_computed: how many of them, from the start, the KV cache holds already.
    """

    sequence: int
    tokens: list[int]
    n_computed: int = 0

    @property
    def n_left(self) -> int:
        """Tokens that still have to go through the model."""
        return len(self.tokens) - self.n_computed


@dataclass(slots=True, eq=False)
class Prefix:
    """A prompt's beginning that stays in the KV cache, to be copied into other sequences.

    Args:
        lane: its own sequence.
        parent: the prefix that it grew from and shares cells with, or None.
        n_inherited: how many of its tokens are in its parent's cells.
        n_users: slots that hold its cells or wait for them; it is not evicted before 0.
        last_used: a tick that grows with every use, for evicting the least recent.
        idle_since: how many answer tokens had been computed when it was last used.
    """

    lane: Lane
    parent: Prefix | None = None
    n_inherited: int = 0
    n_users: int = 0
    last_used: int = 0
    idle_since: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether all its tokens are computed."""
        return self.lane.n_left == 0

    @property
    def n_cells(self) -> int:
        """Cells it may hold beyond its parent's."""
        return len(self.lane.tokens) - self.n_inherited

    @property
    def line(self) -> tuple[Prefix, ...]:
        """Itself and its parent: whoever uses one needs the other."""
        return (self,) if self.parent is None else (self, self.parent)


class Phase(Enum):
    """A slot's life, in this order; after a pause it begins anew, with what was said so far."""

    WAITING = auto()
    """The prefix it shares is still being computed, or it is paused."""
    PREFILLING = auto()
    """Its own part of the prompt is being computed, in chunks."""
    DECODING = auto()
    """Every step samples one token and computes it."""


@dataclass(slots=True, eq=False)
class Slot:
    """A running request, or a paused one.

    Args:
        request: what was asked.
        lane: its sequence; sampled tokens are appended to it.
        n_cells: KV cells reserved for it, beyond those of its prefix; they may grow.
        prefix: what it shares, or None.
        n_prefix: how many of the prefix's tokens it shares.
        n_cached: prompt tokens that were computed before it came; for its usage.
        phase: see :class:`Phase`.
        text: the answer so far, with stop strings held back.
        sampler: the runtime's handle of the sampler chain; made when the slot is taken.
    """

    request: Request
    lane: Lane
    n_cells: int
    prefix: Prefix | None = None
    n_prefix: int = 0
    n_cached: int = 0
    phase: Phase = Phase.WAITING
    text: AnswerText = field(init=False)
    logprobs: HeldLogprobs = field(init=False, default_factory=HeldLogprobs)
    sampler: Any = None

    def __post_init__(self) -> None:
        self.text = AnswerText(self.request.stop)

    @property
    def n_generated(self) -> int:
        """Tokens sampled so far, the end-of-turn token included."""
        return len(self.lane.tokens) - len(self.request.prompt)

    @property
    def n_cells_short(self) -> int:
        """Cells that its tokens need and that are not reserved; 0 or less when there are enough."""
        return len(self.lane.tokens) - self.n_prefix - self.n_cells

    @property
    def n_cells_to_come(self) -> int:
        """Cells that its longest answer still needs beyond those reserved."""
        n_longest = len(self.request.prompt) + self.request.max_tokens
        return n_longest - self.n_prefix - self.n_cells

    @property
    def counts(self) -> Counts:
        """Token counts so far."""
        return Counts(len(self.request.prompt), self.n_generated, self.n_cached)

    def accept(
        self, token: int, piece: bytes, *, is_end: bool, logprobs: TokenLogprobs | None = None
    ) -> Output:
        """Take a sampled token, and say what may be shown and whether the answer is over.

        Args:
            token: the sampled token's id.
            piece: its bytes; ignored at the end of the turn.
            is_end: whether the token ends the turn.
            logprobs: its figures, where they are wanted.
        """
        self.lane.tokens.append(token)
        if is_end:
            return self._finish("stop")
        if logprobs is not None:
            self.logprobs.add(logprobs, piece)
        shown = self.text.add(piece)
        if self.text.is_stopped:
            return Output(shown, "stop", self.counts, self.logprobs.shown(shown))
        if self.n_generated >= self.request.max_tokens:
            return self._finish("length", shown)
        return Output(shown, logprobs=self.logprobs.shown(shown))

    def give_up(self) -> Output:
        """End an answer that no token can continue; it is cut, not finished."""
        return self._finish("length")

    def _finish(self, reason: FinishReason, shown: str = "") -> Output:
        return Output(shown + self.text.finish(), reason, self.counts, self.logprobs.finish())
