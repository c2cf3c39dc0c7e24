"""What a loaded prompt set is: its prompts, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proxy.domain import Kind, Prompt, Split
from proxy.errors import Problem, SuiteError
from proxy.suites.ordering import content_hash
from proxy.suites.splits import keep_whole


@dataclass(frozen=True, slots=True)
class Suite:
    """A prompt set as loaded; iterates over its prompts.

    Args:
        id: the name in the specification, such as ``catqa-en``; ``a+b`` for a combination.
        prompts: in file order, each with its split, no text twice.
        sha256: 64 hex digits, of the file's bytes.
        licence: what the source says; ``unknown`` where it says nothing.
        source: where the set comes from.
        n_rows: rows found, exact repeats included.
        published_n: rows of the set as published; None where there is no such number.
    """

    id: str
    prompts: tuple[Prompt, ...]
    sha256: str
    licence: str
    source: str
    n_rows: int
    published_n: int | None = None

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts)

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def is_partial(self) -> bool:
        """Whether rows are missing, so that no rate on it may be called the set's own."""
        return self.published_n is not None and self.n_rows < self.published_n

    @property
    def headline_refusal(self) -> str | None:
        """Why a rate on it is not the set's own, for reports; None for a complete set."""
        return headline_refusal(self.id, self.n_rows, self.published_n)

    @property
    def n_repeated(self) -> int:
        """Rows left out because the same text stands in an earlier one."""
        return self.n_rows - len(self.prompts)

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


def headline_refusal(suite: str, n_rows: int, published_n: int | None) -> str | None:
    """Why a figure on these rows must not be printed as the suite's; None where it may be."""
    if published_n is None or n_rows >= published_n:
        return None
    return (
        f"{n_rows} of the {published_n} published rows of {suite} are here: "
        "a figure on them is not the suite's, and is not comparable with published ones."
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
        prompts=keep_whole(tuple(by_id.values())),
        sha256=content_hash(*(suite.sha256 for suite in suites)),
        licence="; ".join(dict.fromkeys(suite.licence for suite in suites)),
        source="; ".join(dict.fromkeys(suite.source for suite in suites)),
        n_rows=sum(suite.n_rows for suite in suites),
        published_n=sum(published) if any(suite.published_n for suite in suites) else None,
    )
