"""What goes through the model in one step: every running answer, then prefill up to a budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.engine.slots import Lane, Phase, Prefix, Slot

DOUBLING_TOKENS = 400
"""Where in a prompt a token costs twice what the first one does, by attention (SmolLM2-135M)."""

MIN_CHUNK_TOKENS = 8
"""What a prompt always gets on with, however long it is."""


class Chunk(NamedTuple):
    """The next `n_tokens` of a lane."""

    lane: Lane
    n_tokens: int


class Sampled(NamedTuple):
    """A slot whose next token can be sampled from the logits at batch index `row`."""

    slot: Slot
    row: int


@dataclass(slots=True)
class Batch:
    """One step's work.

    Args:
        chunks: in the order of the batch's rows.
        sampled: the slots that get a token from this step.
        n_tokens: rows of the batch.
    """

    chunks: list[Chunk] = field(default_factory=list)
    sampled: list[Sampled] = field(default_factory=list)
    n_tokens: int = 0

    @property
    def n_prefill(self) -> int:
        """Rows that belong to prompts."""
        return self.n_tokens - sum(s.slot.phase is Phase.DECODING for s in self.sampled)

    def add(self, lane: Lane, *, room: int, slot: Slot | None = None) -> int:
        """Add as much of `lane` as there is room for, and return how much that was."""
        n_tokens = min(lane.n_left, room)
        if n_tokens:
            self.chunks.append(Chunk(lane, n_tokens))
            self.n_tokens += n_tokens
            if slot is not None and n_tokens == lane.n_left:
                self.sampled.append(Sampled(slot, self.n_tokens - 1))
        return n_tokens

    def advance(self) -> None:
        """Note that the model has computed everything in it."""
        for lane, n_tokens in self.chunks:
            lane.n_computed += n_tokens


def build_batch(
    slots: Sequence[Slot],
    prefixes: Iterable[Prefix],
    *,
    n_prompt_tokens: int,
    n_prefill_tokens: int,
) -> Batch:
    """Gather one step's work.

    Running answers always go in, so that a long prompt never stalls them. Prefixes come before
    prompts because slots wait for them; prompts in the order of admission. Beside answers a
    prompt's chunks shrink as it grows: 16 tokens that follow 1,440 take four times as long as the
    first 16.

    Args:
        slots: the running requests, oldest first.
        prefixes: the shared beginnings, some of them not computed yet.
        n_prompt_tokens: how many tokens of one prompt a step may take, at the prompt's beginning.
        n_prefill_tokens: how many of all prompts together.
    """
    batch = Batch()
    for slot in slots:
        if slot.phase is Phase.DECODING:
            batch.add(slot.lane, room=1, slot=slot)
    has_answers = bool(batch.sampled)
    room = n_prefill_tokens
    for lane, owner in _prompts(slots, prefixes):
        n_most = _chunk(n_prompt_tokens, lane.n_computed) if has_answers else n_prompt_tokens
        room -= batch.add(lane, room=min(room, n_most), slot=owner)
    return batch


def _chunk(n_first_tokens: int, n_computed: int) -> int:
    """How many of a prompt's next tokens take as long as its first ones did."""
    n_tokens = n_first_tokens * DOUBLING_TOKENS // (DOUBLING_TOKENS + n_computed)
    return max(min(n_first_tokens, MIN_CHUNK_TOKENS), n_tokens)


def _prompts(
    slots: Sequence[Slot], prefixes: Iterable[Prefix]
) -> Iterator[tuple[Lane, Slot | None]]:
    yield from ((prefix.lane, None) for prefix in prefixes)
    yield from ((slot.lane, slot) for slot in slots if slot.phase is Phase.PREFILLING)
