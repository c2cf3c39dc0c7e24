"""What a loaded prompt set is: its prompts, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.domain import Kind, Prompt, Split
from proxy.errors import Problem, SuiteError
from proxy.suites.loaded_set import LoadedSet
from proxy.suites.ordering import content_hash
from proxy.suites.splits import keep_whole


@dataclass(frozen=True, slots=True)
class Suite(LoadedSet[Prompt]):
    """A prompt set; each prompt has its split."""

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """In file order, no text twice."""
        return self.items

    def select(
        self,
        *,
        kind: Kind | None = None,
        split: Split | None = None,
        is_lookalike: bool | None = None,
    ) -> tuple[Prompt, ...]:
        """The prompts that meet every condition given, in file order."""
        return tuple(
            prompt
            for prompt in self.prompts
            if kind in (None, prompt.kind)
            and split in (None, prompt.split)
            and is_lookalike in (None, prompt.is_lookalike)
        )


def prompt_id(text: str) -> str:
    """A prompt's id: the first 12 hex digits of its text's sha256, whatever file it stands in."""
    return content_hash(text)[:12]


def combine(suites: Sequence[Suite]) -> Suite:
    """Several suites as one; a text that an earlier suite already has is not repeated.

    Each keeps its own splits, except that a near-duplicate of an earlier suite's prompt follows it.
    Translations are not recognised as duplicates: CatQA's three languages hold the same questions,
    so do not combine them where one split's figures must not depend on another's.

    Raises:
        SuiteError: two suites disagree about a prompt's kind.
        ValueError: no suite was given.
    """
    if not suites:
        raise ValueError("There is nothing to combine; give at least one suite.")
    if len(suites) == 1:
        return suites[0]
    by_id: dict[str, Prompt] = {}
    problems: list[Problem] = []
    for prompt in (prompt for suite in suites for prompt in suite):
        known = by_id.setdefault(prompt.id, prompt)
        if known.kind != prompt.kind:
            problems.append(
                Problem(
                    prompt.suite,
                    f"prompt {prompt.id} is {prompt.kind} here and {known.kind} in {known.suite}; "
                    "leave out one of the two suites.",
                )
            )
    if problems:
        raise SuiteError(tuple(problems))
    published = [
        suite.n_rows if suite.published_n is None else suite.published_n for suite in suites
    ]
    return Suite(
        id="+".join(suite.id for suite in suites),
        items=keep_whole(tuple(by_id.values())),
        sha256=content_hash(*(suite.sha256 for suite in suites)),
        licence="; ".join(dict.fromkeys(suite.licence for suite in suites)),
        source="; ".join(dict.fromkeys(suite.source for suite in suites)),
        n_rows=sum(suite.n_rows for suite in suites),
        published_n=sum(published) if any(suite.published_n for suite in suites) else None,
    )
