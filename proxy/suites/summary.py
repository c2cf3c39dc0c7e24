"""What `guardtune suite` prints of a suite: where it comes from, what is in it, a few rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from proxy.domain import Prompt
from proxy.suites.choices import ChoiceQuestion, ChoiceSuite
from proxy.suites.splits import SPLITS, straddling
from proxy.suites.suite import Suite
from proxy.suites.words import words


def header(suite: Suite | ChoiceSuite) -> Iterator[str]:
    """Name, counts against what was published, sha256, licence and source."""
    what = "prompts" if isinstance(suite, Suite) else "questions"
    yield f"suite     {suite.id}"
    yield f"{what:9} {len(suite)} ({suite.n_repeated} repeated rows left out)"
    if suite.published_n is not None:
        state = "partial: no headline figures on it" if suite.is_partial else "complete"
        yield f"published {suite.n_rows} of {suite.published_n} rows, {state}"
    yield f"sha256    {suite.sha256}"
    yield f"licence   {suite.licence}"
    yield f"source    {suite.source}"


def prompt_table(prompts: Sequence[Prompt]) -> Iterator[str]:
    """Counts by kind, category and split."""
    counts = Counter((_kind(prompt), prompt.category, prompt.split) for prompt in prompts)
    yield _columns("kind", "category", *SPLITS, "all")
    for kind, category in sorted({key[:2] for key in counts}):
        cells = [counts[kind, category, split] for split in SPLITS]
        yield _columns(kind, category, *map(str, cells), str(sum(cells)))
    totals = [sum(prompt.split == split for prompt in prompts) for split in SPLITS]
    yield _columns("all", "", *map(str, totals), str(sum(totals)))


def topic_table(suite: ChoiceSuite) -> Iterator[str]:
    """Counts by the suite's own topic, in which a question may have several, and ours."""
    counts = Counter(
        (topic, question.category) for question in suite for topic in question.topics or ("-",)
    )
    yield f"{'topic':42} {'category':10} {'questions':>9}"
    for (topic, category), n in sorted(counts.items()):
        yield f"{topic:42.42} {category:10} {n:9}"
    yield f"guessing is right in {suite.chance:.1%} of them"


def torn(prompts: Sequence[Prompt]) -> list[str]:
    """One line for each near-duplicate cluster that lies in several splits."""
    return [
        f"near-duplicates in different splits: {', '.join(prompt.id for prompt in group)}"
        for group in straddling(prompts)
    ]


def prompt_line(prompt: Prompt, *, is_revealed: bool) -> str:
    """One prompt; harmful ones as their length unless they are asked for."""
    text = prompt.text
    if prompt.kind == "harmful" and not is_revealed:
        text = f"[{len(words(text))} words; --reveal prints harmful prompts]"
    return f"{prompt.id} {_kind(prompt):10} {prompt.category:9} {prompt.split or '-':10} {text}"


def question_lines(question: ChoiceQuestion) -> list[str]:
    """One question as it is asked, with its answer."""
    own = ", ".join(question.topics) or "-"
    head = f"{question.id} {question.category}, {own}; right: {question.letter}"
    return [head, *(f"    {line}" for line in question.prompt.splitlines())]


def counted(n: int, noun: str) -> str:
    """The number with its noun, as in ``1 problem`` and ``2 problems``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _columns(kind: str, category: str, *cells: str) -> str:
    return f"{kind:11} {category:10}" + "".join(f"{cell:>11}" for cell in cells)


def _kind(prompt: Prompt) -> str:
    return "look-alike" if prompt.is_lookalike else prompt.kind
