"""Evidence that needs neither a model nor a store: each answer is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from proxy.domain import Prompt
from proxy.evaluation.run import Judged
from tuner.candidate import Candidate
from tuner.objectives import Results

Lookup = Callable[[Candidate, Prompt], Judged]


class MemoryEvidence:
    """What candidates answered so far; see :class:`tuner.evidence.Evidence`.

    Args:
        lookup: a candidate's judged answer to a prompt, always the same one.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[str, dict[str, Judged]] = {}
        self._tokens = 0
        self._answers = 0

    @property
    def tokens(self) -> int:
        """Tokens of all answers looked up, each counted once."""
        return self._tokens

    def rate(self, elapsed_s: float) -> float:
        """Time does not matter here: as many as anybody may want."""
        return self._answers / max(elapsed_s, 1e-3)

    def of(self, candidate: Candidate, prompts: Iterable[Prompt] | None = None) -> Results:
        """A candidate's judged answers, to these prompts or to all it has answered."""
        known = self._known.get(candidate.key, {})
        if prompts is None:
            return dict(sorted(known.items()))
        return {prompt.id: known[prompt.id] for prompt in prompts if prompt.id in known}

    async def gather(self, wanted: Sequence[tuple[Candidate, Sequence[Prompt]]]) -> None:
        """Look up what has not been looked up yet."""
        for candidate, prompts in wanted:
            known = self._known.setdefault(candidate.key, {})
            for prompt in prompts:
                if prompt.id not in known:
                    known[prompt.id] = judged = self._lookup(candidate, prompt)
                    self._answers += 1
                    usage = judged.answer.usage
                    self._tokens += 0 if usage is None else usage.completion_tokens
