"""How to probe: which prompts in which round, and at what pace."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.domain import Kind, Prompt
from proxy.suites.ordering import sample


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Prompts and pace.

    Args:
        pool: the labelled prompts of the probe split, which neither search nor validation sees.
        per_kind: how many harmful-leading ones a round has, and how many benign ones, at most.
        concurrency: answers in flight at once; users' requests need the other slots.
        max_tokens: asked for; a policy may lower it.
        seed: of the choice of prompts and of the samplers, counted up by one each round.
    """

    pool: tuple[Prompt, ...]
    per_kind: int
    concurrency: int = 4
    max_tokens: int = 64
    seed: int = 0

    def prompts(self, number: int) -> tuple[Prompt, ...]:
        """A round's prompts, the same for every version; harmful-leading ones first.

        Args:
            number: of the round, from 0.
        """
        return self._pick("harmful", number) + self._pick("benign", number)

    def _pick(self, kind: Kind, number: int) -> tuple[Prompt, ...]:
        """Categories in proportion."""
        of_kind = [prompt for prompt in self.pool if prompt.kind == kind]
        return sample(of_kind, self.per_kind, self.seed + number)
