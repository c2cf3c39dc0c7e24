"""How the next token is chosen: settings in, an ordered list of llama.cpp samplers out.

The order is llama.cpp's own: logit bias, penalties, DRY, top-k, typical, top-p, min-p, XTC,
temperature, then the draw. At temperature 0 the most probable token after bias and penalties wins
and everything else is inert; with mirostat only bias, penalties, DRY and temperature act before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from proxy.engine.trigger import Grammar

SamplerKind = Literal[
    "logit_bias", "penalties", "dry", "top_k", "typical_p", "top_p", "min_p", "xtc", "temperature",
    "mirostat", "mirostat_v2", "greedy", "draw",
]  # fmt: skip

DRY_BREAKERS = ("\n", ":", '"', "*")

MAX_CHEAP_TOP_K = 128
"""Up to here llama.cpp selects with one partial sort; above, it sorts into buckets."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding settings under llama.cpp's names; the defaults are llama-server's.

    Args:
        temperature: 0 (greedy) to about 2.
        top_k: candidates kept; 0 keeps all.
        top_p: smallest set of candidates with this probability mass; 1 is off.
        min_p: candidates at least this share as probable as the best; 0 is off.
        typical_p: locally typical sampling; 1 is off.
        repeat_penalty: divides the logit of recent tokens; 1 is off, below 1 encourages repetition.
        frequency_penalty: subtracted once per recent occurrence; 0 is off.
        presence_penalty: subtracted once if recent; 0 is off.
        repeat_last_n: tokens that count as recent, the prompt's included; 0 is off, -1 is all.
        dry_multiplier: strength of DRY's penalty on repeated sequences; 0 is off.
        dry_base: its growth per token of repetition.
        dry_allowed_length: repetitions up to this length are free.
        dry_penalty_last_n: tokens that DRY looks back on; 0 is off, -1 is all.
        dry_sequence_breakers: strings that end a repetition.
        xtc_probability: chance of dropping the top choices; 0 is off.
        xtc_threshold: probability that makes a token a top choice; above 0.5 is off.
        mirostat: 0 off, 1 or 2 the version; then top_k, typical_p, top_p, min_p, xtc are inert.
        mirostat_tau: its target surprise, in nats.
        mirostat_eta: its learning rate.
        logit_bias: token id → added to its logit.
        seed: of the draw, 32 bits; None for a fresh one.
        grammar: what the answer has to look like; `constrained` says how it and the chain go
            together.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    typical_p: float = 1.0
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repeat_last_n: int = 64
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: tuple[str, ...] = DRY_BREAKERS
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: Literal[0, 1, 2] = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    logit_bias: tuple[tuple[int, float], ...] = ()
    seed: int | None = None
    grammar: Grammar | None = None

    @property
    def has_penalties(self) -> bool:
        """Whether recent tokens are penalised or encouraged at all."""
        neutral = (1.0, 0.0, 0.0)
        values = (self.repeat_penalty, self.frequency_penalty, self.presence_penalty)
        return self.repeat_last_n != 0 and values != neutral

    @property
    def has_dry(self) -> bool:
        """Whether DRY acts."""
        return self.dry_multiplier > 0 and self.dry_penalty_last_n != 0

    @property
    def only_lowers(self) -> bool:
        """Whether penalties never raise a logit, so that they may follow a generous cut."""
        return (
            self.repeat_penalty >= 1 and self.frequency_penalty >= 0 and self.presence_penalty >= 0
        )

    @property
    def n_history(self) -> int:
        """How many of the prompt's last tokens the chain has to know; -1 for all."""
        windows = [self.repeat_last_n] if self.has_penalties else []
        windows += [self.dry_penalty_last_n] if self.has_dry else []
        return -1 if -1 in windows else max(windows, default=0)


class Sampler(NamedTuple):
    """One link of a chain; `value` is the only argument of those that have just one."""

    kind: SamplerKind
    value: float = 0.0


def plan_chain(sampling: Sampling) -> tuple[Sampler, ...]:
    """The chain that does what `sampling` says, cheapest order first where that changes nothing."""
    return (*_adjust(sampling), *_choose(sampling))


def _adjust(sampling: Sampling) -> Iterator[Sampler]:
    if sampling.logit_bias:
        yield Sampler("logit_bias")
    if (keep := _early_cut(sampling)) > 0:
        yield Sampler("top_k", keep)
    if sampling.has_penalties:
        yield Sampler("penalties")
    if sampling.has_dry:
        yield Sampler("dry")


def _early_cut(sampling: Sampling) -> int:
    """How many candidates suffice before the penalties, or 0 where no cut is exact.

    Penalties look up every candidate, 49,000 of them on SmolLM2. If they only lower logits and at
    most ``repeat_last_n`` tokens are touched, then the best k afterwards are among the best
    ``k + repeat_last_n`` before.
    """
    n_final = 1 if sampling.temperature <= 0 else sampling.top_k
    is_cut_later = n_final > 0 and (sampling.temperature <= 0 or not sampling.mirostat)
    is_exact = sampling.has_penalties and sampling.only_lowers and not sampling.has_dry
    keep = n_final + sampling.repeat_last_n
    is_small = sampling.repeat_last_n > 0 and keep <= MAX_CHEAP_TOP_K
    return keep if is_cut_later and is_exact and is_small else 0


def _choose(sampling: Sampling) -> Iterator[Sampler]:
    if sampling.temperature <= 0:
        yield Sampler("greedy")
    elif sampling.mirostat:
        yield Sampler("temperature", sampling.temperature)
        yield Sampler("mirostat" if sampling.mirostat == 1 else "mirostat_v2")
    else:
        yield from _truncate(sampling)
        yield Sampler("temperature", sampling.temperature)
        yield Sampler("draw")


def _truncate(sampling: Sampling) -> Iterator[Sampler]:
    if sampling.top_k > 0:
        yield Sampler("top_k", sampling.top_k)
    if sampling.typical_p < 1:
        yield Sampler("typical_p", sampling.typical_p)
    if sampling.top_p < 1:
        yield Sampler("top_p", sampling.top_p)
    if sampling.min_p > 0:
        yield Sampler("min_p", sampling.min_p)
    if sampling.xtc_probability > 0 and sampling.xtc_threshold <= 0.5:  # noqa: PLR2004 — see Args
        yield Sampler("xtc")
