"""Ways to search, the tuner's own beside plain ones to compare it with.

An algorithm is where genomes come from, which part of the library they may use, and whether
candidates race. All start from the same founders, compare the same pessimistic bounds, and keep
the same journal, so that resume, report and export hold for each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from proxy.errors import Problem, SettingsError
from tuner.breeding import Breeder, Immigrants, LearntOffspring, Offspring
from tuner.space import Space
from tuner.subspace import decoding_only, prompt_only, whole


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to search.

    Args:
        about: in a few words, for people.
        breeder: makes it for a space and the run's own generator.
        races: whether candidates are dropped early and the best looked at again; otherwise each
            answers the same sample, the least that a second rung asks for.
        within: the part of a library that it combines, as text to text.
        extra: the optional dependency that it needs, which is also the package's name.
    """

    about: str
    breeder: Callable[[Space, random.Random], Breeder] = Offspring
    races: bool = False
    within: Callable[[str], str] = whole
    extra: str | None = None


def _optuna(sampler: str) -> Callable[[Space, random.Random], Breeder]:
    def breeder(space: Space, rng: random.Random) -> Breeder:
        from tuner.optuna_breeder import OptunaBreeder

        return OptunaBreeder(space, rng, sampler=sampler)

    return breeder


DEFAULT = "paired-race"

ALGORITHMS: Mapping[str, Algorithm] = {
    DEFAULT: Algorithm(
        "NSGA-II and learnt genes, candidates racing on nested prompts", LearntOffspring, races=True
    ),
    "nsga2": Algorithm("plain NSGA-II, the same sample for all"),
    "random": Algorithm("random policies, the same sample for all", Immigrants),
    "prompt-only": Algorithm(
        "the race over slots and demonstrations alone",
        LearntOffspring,
        races=True,
        within=prompt_only,
    ),
    "decoding-only": Algorithm(
        "the race over decoding settings alone", LearntOffspring, races=True, within=decoding_only
    ),
    "race-nsga2": Algorithm("the race over plain NSGA-II's children", races=True),
    "optuna-nsga2": Algorithm(
        "Optuna's NSGA-II, the same sample for all", _optuna("nsga2"), extra="optuna"
    ),
    "optuna-tpe": Algorithm(
        "Optuna's TPE, the same sample for all", _optuna("tpe"), extra="optuna"
    ),
    "race-tpe": Algorithm(
        "the race over what Optuna's TPE suggests", _optuna("tpe"), races=True, extra="optuna"
    ),
}


def is_installed(name: str) -> bool:
    """Whether the algorithm can run here."""
    extra = ALGORITHMS[name].extra
    return extra is None or find_spec(extra) is not None


def require(name: str) -> Algorithm:
    """The algorithm of that name, if it can run here.

    Raises:
        SettingsError: there is none, or its package is missing; the message has the command.
    """
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        message = f'there is no "{name[:40]}". There are: {", ".join(ALGORITHMS)}.'
        raise SettingsError((Problem("--algorithm", message),))
    if not is_installed(name):
        message = (
            f"{name} needs the package {algorithm.extra}. Run: "
            f'pip install "guardtune[{algorithm.extra}]"'
        )
        raise SettingsError((Problem("--algorithm", message),))
    return algorithm
