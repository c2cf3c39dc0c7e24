"""A run's decisions, read back for reports and exports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from proxy.errors import StoreError
from proxy.evaluation.run import sampling_seed
from proxy.evaluation.store import Decision, EvaluationStore, Run, Written
from proxy.judges.relevance import LEXICAL
from tuner.config import RunConfig
from tuner.genome import Genome


@dataclass(frozen=True, slots=True)
class Record:
    """One run as the store has it.

    Args:
        run: id, start and configuration.
        decisions: all so far.
    """

    run: Run
    decisions: tuple[Decision, ...]

    @classmethod
    def load(cls, store: EvaluationStore, run_id: str | None, *, unfinished: bool = False) -> Self:
        """A run of the store.

        Args:
            store: open.
            run_id: None for the latest that has begun: one whose model or judge could not even be
                started has nothing to show, and is taken only if there is no other.
            unfinished: consider only runs that have not ended.

        Raises:
            StoreError: there is none; the message lists those there are.
        """
        runs = [cls(run, store.decisions(run.id)) for run in store.runs()]
        records = [run for run in runs if not (unfinished and run.is_finished)]
        chosen = [record for record in records if run_id in (None, record.run.id)]
        if not chosen:
            known = ", ".join(record.run.id for record in records) or "none"
            sort = "unfinished run" if unfinished else "run"
            wanted = sort if run_id is None else f"{sort} {run_id!r}"
            hint = " `guardtune tune export` writes a finished run's policy."
            said = f"there is no {wanted}. There are: {known}.{hint if unfinished and runs else ''}"
            raise StoreError(f"{store.path}: {said}")
        return ([record for record in chosen if record.decisions] or chosen)[-1]

    @property
    def config(self) -> RunConfig:
        """What the run was started with."""
        return RunConfig.from_json(self.run.config)

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.find("finished") is not None

    def find(self, kind: str) -> Mapping[str, Any] | None:
        """The last decision of a kind, or None."""
        bodies = (one.body for one in reversed(self.decisions) if one.kind == kind)
        return next(bodies, None)

    def genome(self, key: str) -> Genome:
        """The genes of a candidate of this run."""
        for decision in self.decisions:
            if decision.kind == "generation" and key in decision.body["candidates"]:
                return Genome.from_json(decision.body["candidates"][key])
        raise StoreError(f"run {self.run.id} has no candidate {key}.")

    @property
    def dropped(self) -> dict[str, int]:
        """Why the race dropped candidates → how many, the most frequent first."""
        bodies = (one.body for one in self.decisions if one.kind == "generation")
        reasons = Counter(why for body in bodies for why in body.get("dropped", {}).values())
        return dict(reasons.most_common())

    @property
    def multipliers(self) -> list[Mapping[str, float]]:
        """Of a budget, limit → multiplier after each generation; none under feasibility first."""
        return [one.body["values"] for one in self.decisions if one.kind == "multipliers"]

    @property
    def is_lexical(self) -> bool:
        """Whether the run's relevance went by words alone, as its judge's id says."""
        return LEXICAL in (self.find("run") or {"judge": ""})["judge"]

    @property
    def chosen(self) -> str | None:
        """The key that validation picked."""
        validation = self.find("validation")
        key: str | None = None if validation is None else validation["chosen"]
        return key

    @property
    def earlier_tests(self) -> int:
        """Runs that had used the same test split before; 0 where the journal does not say."""
        return int((self.find("test_pace") or {}).get("earlier", 0))

    @property
    def best_guess(self) -> str | None:
        """What a forced export takes: what validation put first, picked or not, else the search.

        None while there is nothing but the base policy. It is the one that the test measures, so
        that a policy never carries another's figures.
        """
        if (validation := self.find("validation")) is not None:
            return str(validation["tested"])
        survivors = (self.find("generation") or {"survivors": []})["survivors"]
        base = self.config.base_policy.phenotype
        found = [one for one in survivors if one["key"] != base]
        return str(min(found, key=_by_search)["key"]) if found else None


def asked_by(config: RunConfig, max_tokens: int, written: Iterable[Written]) -> tuple[Written, ...]:
    """What a run asks for, among what a store holds of its model: its seeds and its length."""
    return tuple(
        one
        for one in written
        if one.max_tokens == max_tokens and one.seed == sampling_seed(config.seed, one.prompt_id)
    )


def test_used(earlier: int) -> str:
    """How often a test split has been used, for whoever reads its figures."""
    if not earlier:
        return "used once"
    runs = "1 earlier run" if earlier == 1 else f"{earlier} earlier runs"
    return f"used once by this run, and by {runs} in this store: do not choose among runs by it"


def _by_search(survivor: Mapping[str, Any]) -> tuple[float, ...]:
    """As the search ranks finalists; by its harmful rate, mostly luck, in journals of before."""
    if "promise" in survivor:
        return (survivor["violation"], -survivor["promise"])
    harmful, n = survivor["harmful"]
    return (survivor["violation"], survivor["excess"], harmful / n if n else 1.0)
