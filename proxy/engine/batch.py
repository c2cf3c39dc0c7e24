"""What goes through the model in one step: every running answer, then prefill up to a budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from proxy.domain import Priority
from proxy.engine.slots import Lane, Phase, Prefix, Slot

DOUBLING_TOKENS = 400
"""Where in a prompt a token costs twice what the first one does, by attention (SmolLM2-135M)."""

MIN_CHUNK_TOKENS = 8
"""What a prompt always gets on with, however long it is."""

SHORT_PROMPT_TOKENS = 256
"""Up to here a prompt may take the shares of those behind it, and is through the sooner."""


class Chunk(NamedTuple):
    """The next `n_tokens` of a lane.

    Args:
        lane: whose tokens they are.
        n_tokens: at least 1.
        sharers: sequences that get the same cells; each holds all that the lane has computed.
    """

    lane: Lane
    n_tokens: int
    sharers: tuple[int, ...] = ()


class _Prompt(NamedTuple):
    """A lane to prefill, the slot that it belongs to if it is no prefix, and who waits for it."""

    lane: Lane
    owner: Slot | None
    n_waiting: int
    priority: Priority


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
        is_watched: whether a user's answer is running, so that the step's length matters.
    """

    chunks: list[Chunk] = field(default_factory=list)
    sampled: list[Sampled] = field(default_factory=list)
    n_tokens: int = 0
    is_watched: bool = False

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

    def completes(self, lane: Lane) -> bool:
        """Whether all of a lane's tokens are computed after this step, the last of them in it."""
        return any(one.lane is lane and one.n_tokens == lane.n_left for one in self.chunks)

    def share(self, lane: Lane, sequence: int) -> None:
        """Have another sequence hold a lane's rows, too."""
        self.chunks = [
            one._replace(sharers=(*one.sharers, sequence)) if one.lane is lane else one
            for one in self.chunks
        ]

    def advance(self) -> None:
        """Note that the model has computed everything in it."""
        for chunk in self.chunks:
            chunk.lane.n_computed += chunk.n_tokens


def build_batch(
    slots: Sequence[Slot],
    prefixes: Iterable[Prefix],
    *,
    n_prompt_tokens: int,
    n_prefill_tokens: int,
) -> Batch:
    """Gather one step's work.

    Running answers always go in, so that a long prompt never stalls them. What users wait for comes
    before what only probes do; of each, prefixes before prompts, because slots wait for them, and
    prompts in the order of admission.

    Where no user's answer is running, nobody watches the pace of tokens, and prompts take all there
    is: an evaluation with many prefixes spends most of its time on them.

    Beside users' answers everybody who waits adds a share to the step. Short prompts use all of it
    one after another, because rows of one prompt share their attention. Long ones keep to their
    share, which shrinks as they grow: 16 tokens that follow 1,440 take four times as long as the
    first 16.

    Args:
        slots: the running requests, oldest first.
        prefixes: the shared beginnings, some of them not computed yet.
        n_prompt_tokens: how many tokens of one prompt a step may take beside users' answers, at
            the prompt's beginning.
        n_prefill_tokens: how many of all prompts together.
    """
    batch = Batch()
    for slot in slots:
        if slot.phase is Phase.DECODING:
            batch.add(slot.lane, room=1, slot=slot)
            batch.is_watched = batch.is_watched or slot.request.priority is Priority.USER
    prompts = _prompts(slots, prefixes)
    shares = [n_prefill_tokens] * len(prompts)
    room = n_prefill_tokens
    if batch.is_watched:
        shares = [_share(prompt, n_prompt_tokens) for prompt in prompts]
        room = min(room, sum(shares))
    for (lane, owner, *_), share in zip(prompts, shares, strict=True):
        n_most = room if len(lane.tokens) <= SHORT_PROMPT_TOKENS else min(room, share)
        room -= batch.add(lane, room=n_most, slot=owner)
    return batch


def _share(prompt: _Prompt, n_first_tokens: int) -> int:
    """How many of a prompt's next tokens take as long as its first ones did, for all who wait."""
    n_computed = prompt.lane.n_computed
    n_tokens = n_first_tokens * DOUBLING_TOKENS // (DOUBLING_TOKENS + n_computed)
    return prompt.n_waiting * max(min(n_first_tokens, MIN_CHUNK_TOKENS), n_tokens)


def _prompts(slots: Sequence[Slot], prefixes: Iterable[Prefix]) -> list[_Prompt]:
    prompts = [
        _Prompt(prefix.lane, None, prefix.n_users, _urgency(prefix, slots))
        for prefix in prefixes
        if not prefix.is_ready
    ]
    prompts += [
        _Prompt(slot.lane, slot, 1, slot.request.priority)
        for slot in slots
        if slot.phase is Phase.PREFILLING
    ]
    prompts.sort(key=attrgetter("priority"))
    return prompts


def _urgency(prefix: Prefix, slots: Sequence[Slot]) -> Priority:
    """The best priority among those who wait for a prefix."""
    waiting = (slot.request.priority for slot in slots if slot.prefix is prefix)
    return min(waiting, default=Priority.BACKGROUND)
