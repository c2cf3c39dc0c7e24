"""What the engine does and has done, as one value; `metrics.engine` names its figures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Running totals, counted by the engine's thread.

    A step's time is divided between prompt and answer by their rows of the batch.

    Args:
        n_prompt_tokens: computed, so without what was shared.
        prompt_s: seconds spent on them.
        n_predicted_tokens: sampled.
        predicted_s: seconds spent on them.
        n_decode: batches.
        n_busy_slots: slots that were running, summed over batches.
        n_prefix_hits: requests that found a beginning computed before.
        n_prefix_tokens: prompt tokens that were not computed again.
        decode_s: seconds inside llama_decode.
        sample_s: seconds inside the samplers.
        step_s: seconds of whole steps; what exceeds the two above is Python.
        n_max_tokens: longest sequence so far.
    """

    n_prompt_tokens: int = 0
    prompt_s: float = 0.0
    n_predicted_tokens: int = 0
    predicted_s: float = 0.0
    n_decode: int = 0
    n_busy_slots: int = 0
    n_prefix_hits: int = 0
    n_prefix_tokens: int = 0
    decode_s: float = 0.0
    sample_s: float = 0.0
    step_s: float = 0.0
    n_max_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether the engine gets on. As of now, where `EngineStats` are as of the last step.

    Args:
        n_open: answers that somebody waits for.
        n_steps: batches decoded so far.
    """

    n_open: int = 0
    n_steps: int = 0


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot, made after every step.

    Args:
        n_processing: requests in slots.
        n_deferred: requests that wait.
        n_cells_used: KV cells reserved, prefixes included.
        n_cells: KV cells there are.
        n_slots: requests that may run together.
        n_prefixes: shared beginnings in the cache.
        n_turns: finished turns in the cache, for conversations to go on from.
        n_pauses: how often a running request had to make room, since the start.
        totals: since the start.
    """

    n_processing: int = 0
    n_deferred: int = 0
    n_cells_used: int = 0
    n_cells: int = 0
    n_slots: int = 0
    n_prefixes: int = 0
    n_turns: int = 0
    n_pauses: int = 0
    totals: Counters = field(default_factory=Counters)

    @property
    def python_share(self) -> float:
        """Share of the steps' time spent outside llama.cpp, in [0, 1]."""
        totals = self.totals
        if not totals.step_s:
            return 0.0
        return 1 - (totals.decode_s + totals.sample_s) / totals.step_s
