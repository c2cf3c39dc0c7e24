"""Optuna's samplers as a source of genomes, to compare with; needs the extra `optuna`.

Each gene is a categorical parameter, so that "as in the base policy" is a value like any other.
Only Optuna's public ask-and-tell interface is used, and nothing of it is stored: a resumed run
tells a fresh study the same results in the same order, and gets the same genomes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import NSGAIISampler, TPESampler
from optuna.trial import TrialState

from tuner.candidate import Origin
from tuner.evolution import Individual
from tuner.genome import Genome, canonical
from tuner.space import Space
from tuner.variation import most_demonstrations

_SAMPLERS = {"tpe": TPESampler, "nsga2": partial(NSGAIISampler, population_size=24)}
"""With Optuna's own defaults, but for the seed and a population as large as ours: with its 50 the
first third of a search would be random."""


class OptunaBreeder:
    """Suggestions of one study, on the search's own pessimistic objectives.

    Args:
        space: what genomes are made of.
        rng: gives the sampler its seed, once.
        sampler: ``tpe`` or ``nsga2``.
    """

    def __init__(self, space: Space, rng: random.Random, *, sampler: str) -> None:
        self._space = space
        self._parameters = _parameters(space)
        self._asked: list[tuple[Genome, optuna.Trial]] = []
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            directions=["minimize", "maximize"],
            sampler=_SAMPLERS[sampler](seed=rng.randrange(1 << 31)),
        )

    def breed(self, population: Sequence[Individual]) -> tuple[Genome, Origin]:  # noqa: ARG002 - the study remembers
        """What the sampler suggests."""
        trial = self._study.ask(self._parameters)
        genome = self._genome(trial.params)
        self._asked.append((genome, trial))
        return genome, Origin("immigrant")

    def learn(self, measured: Sequence[Individual]) -> None:
        """Tell the study; a suggestion that gave way to another candidate counts as failed."""
        asked = dict(self._asked)  # of suggestions that mean the same, the last one
        for one in measured:
            trial = asked.pop(one.genome, None) or self._enqueued(one.genome)
            trial.set_constraint("limits", one.fitness.violation)
            self._study.tell(trial, list(one.fitness.values))
        for _, trial in self._asked:
            self._study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        self._asked.clear()

    def _enqueued(self, genome: Genome) -> optuna.Trial:
        """A trial of a genome that the study has not come up with."""
        self._study.enqueue_trial(self._values(genome))
        return self._study.ask(self._parameters)

    def _genome(self, values: Mapping[str, Any]) -> Genome:
        space = self._space
        shown = (values[f"demonstration {place}"] for place in range(most_demonstrations(space)))
        return canonical(
            Genome(
                tuple(values[f"slot {name}"] for name in space.slots),
                tuple(dict.fromkeys(name for name in shown if name is not None)),
                tuple(values[f"setting {name}"] for name in space.grids),
            ),
            space,
        )

    def _values(self, genome: Genome) -> dict[str, Any]:
        space = self._space
        most = most_demonstrations(space)
        shown = [*genome.demonstrations, *[None] * most]
        return {
            **{f"slot {name}": gene for name, gene in zip(space.slots, genome.slots, strict=True)},
            **{f"demonstration {place}": shown[place] for place in range(most)},
            **{f"setting {name}": gene
               for name, gene in zip(space.grids, genome.decoding, strict=True)},
        }  # fmt: skip


def _parameters(space: Space) -> dict[str, BaseDistribution]:
    """Each gene's values, None for what leaves the base policy as it is."""
    places = range(most_demonstrations(space))
    choices: dict[str, Sequence[str | float]] = {
        **{f"slot {name}": list(fragments) for name, fragments in space.fragments.items()},
        **{f"demonstration {place}": list(space.examples) for place in places},
        **{f"setting {name}": list(grid) for name, grid in space.grids.items()},
    }
    return {name: CategoricalDistribution((None, *values)) for name, values in choices.items()}
