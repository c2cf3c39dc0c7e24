"""A noisy problem of known truth, as large as a tuning run but without a model.

Ten genes like those of a real library act on four hidden quantities: the logits of harm, of
relevance, of over-refusal and of degeneration. Prompts differ in how hard they are, all candidates
meet the same ones, and every answer is a coin or a blurred score. So a search sees what it would
see of a model, and what it found can be compared with the truth. It is a toy: read directions and
ratios, not sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.tuner.outcomes import Truth
from proxy.domain import Kind, Prompt, Split, Usage, Verdict
from proxy.evaluation.run import Answer, Judged, Task
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.space import Space, load_space
from tuner.subspace import whole

_SLOTS = ("role", "stance", "redirect", "format", "tone")
_GRIDS = {
    "temperature": [0.0, 0.3, 0.6, 0.9, 1.2],
    "top_p": [0.5, 0.7, 0.9, 1.0],
    "repeat_penalty": [0.8, 0.9, 1.0, 1.1, 1.2],
    "presence_penalty": [-0.5, 0.0, 0.5, 1.0],
}

SPACE_TEXT = "\n".join(
    [
        "schema: 1",
        "slots:",
        *(
            f"  {slot}: [{', '.join(f'{{id: {slot}-{i}, text: {slot} {i}}}' for i in range(4))}]"
            for slot in _SLOTS
        ),
        "demonstrations:",
        *(
            f"  - {{id: {kind}-{i}, kind: {kind}, user: {kind} {i}, assistant: answer {i}}}"
            for kind in ("safe", "benign")
            for i in range(5)
        ),
        "max_demonstrations: 6",
        "decoding:",
        *(f"  {name}: {values}" for name, values in _GRIDS.items()),
    ]
)
"""Five slots, ten demonstrations of which six may be shown, and four settings."""

JUDGE = "truth-blurred"

_BASE = np.array([0.9, 0.2, -3.5, -5.0])
"""Logits of harm, relevance, over-refusal and degeneration under the base policy."""

_SPREAD = np.array([0.45, 0.25, 0.35, 0.35])
"""Standard deviations of what one gene's value adds to each."""

_SHOWN = {"safe": np.array([-0.5, -0.05, 0.5, 0.05]), "benign": np.array([0.1, 0.1, -0.45, 0.0])}
"""What a demonstration adds on average: safe ones act, and make a model refuse more."""

_BETWEEN_PROMPTS = np.array([1.2, 0.5, 1.2, 0.5])
"""Standard deviations of what prompts add: some are hard for every policy."""

_BLUR = 0.6
"""Standard deviation of a single relevance score, on the logit scale."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


class NoisyProblem:
    """One problem of the family.

    Args:
        seed: of the genes' effects, of the prompts and of every answer.
        within: the part of the library that genomes are made of.
        prompts: of each kind in the search, the validation and the test split.
    """

    def __init__(
        self,
        seed: int,
        *,
        within: Callable[[str], str] = whole,
        prompts: tuple[int, int, int] = (60, 120, 400),
    ) -> None:
        self._seed = seed
        self.space = load_space(text=within(SPACE_TEXT))
        rng = np.random.default_rng([seed, 0])
        self._effects = _effects(load_space(text=SPACE_TEXT), rng)
        self.prompts = tuple(_prompts(prompts))
        hard = rng.normal(size=(len(self.prompts), 4)) * _BETWEEN_PROMPTS
        self._place = {prompt.id: place for place, prompt in enumerate(self.prompts)}
        self._hard = hard
        self._drawn: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}

    def truth(self, genome: Genome) -> Truth:
        """The genome's own shares, averaged over prompts by Gauss-Hermite quadrature."""
        logits = self._logits(genome)
        blur = np.array([0.0, _BLUR, 0.0, 0.0])
        spread = np.hypot(_BETWEEN_PROMPTS, blur)
        shares = _sigmoid(logits[:, None] + spread[:, None] * _NODES) @ _WEIGHTS
        return Truth(*(float(share) for share in shares / math.sqrt(2 * math.pi)))

    def answer(self, candidate: Candidate, prompt: Prompt) -> Judged:
        """The candidate's only answer to a prompt, judged."""
        if candidate.key not in self._drawn:
            self._drawn[candidate.key] = self._draw(candidate)
        relevance, coins = self._drawn[candidate.key]
        place = self._place[prompt.id]
        harmful, refusal, degenerate = (bool(coin) for coin in coins[place])
        is_harmful_leading = prompt.kind == "harmful"
        verdict = Verdict(
            JUDGE,
            "scored",
            harmful=harmful if is_harmful_leading else None,
            relevant=float(relevance[place]),
            is_refusal=not harmful if is_harmful_leading else refusal,
            degenerate=("looping",) if degenerate else (),
        )
        task = Task(candidate.policy, prompt, seed=0, max_tokens=64)
        return Judged(task, Answer("", "stop", Usage(0, _tokens(candidate.key))), verdict)

    def _draw(self, candidate: Candidate) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        rng = np.random.default_rng([self._seed, 1, int(candidate.key, 16)])
        logits = self._logits(candidate.genome) + self._hard
        blurred = logits[:, 1] + _BLUR * rng.normal(size=len(logits))
        shares = _sigmoid(logits[:, [0, 2, 3]])
        return _sigmoid(blurred), rng.random(shares.shape) < shares

    def _logits(self, genome: Genome) -> NDArray[np.float64]:
        genes = [*genome.slots, *genome.demonstrations, *genome.demonstrations[-1:]]
        genes += [
            f"{name}={value:g}"
            for name, value in zip(self.space.grids, genome.decoding, strict=True)
            if value is not None
        ]
        return _BASE + sum((self._effects[gene] for gene in genes if gene), np.zeros(4))


def _effects(space: Space, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """What each value of each gene adds; the last demonstration counts twice."""
    values = [fragment for fragments in space.fragments.values() for fragment in fragments]
    values += [f"{name}={value:g}" for name, grid in space.grids.items() for value in grid]
    effects = {value: rng.normal(size=4) * _SPREAD for value in values}
    for name, example in space.examples.items():
        effects[name] = _SHOWN[example.kind] + rng.normal(size=4) * _SPREAD / 3
    return effects


def _prompts(counts: tuple[int, int, int]) -> list[Prompt]:
    splits: tuple[Split, ...] = ("search", "validation", "test")
    kinds: tuple[Kind, ...] = get_args(Kind)
    return [
        Prompt(f"{split}-{kind}-{number}", "", kind, "other", "noisy", split,
               is_lookalike=kind == "benign")
        for split, count in zip(splits, counts, strict=True)
        for kind in kinds
        for number in range(count)
    ]  # fmt: skip


def _tokens(key: str) -> int:
    """Policies differ in how long they let a model speak: 32 to 63."""
    return 32 + int(key[:2], 16) % 32


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))
