from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain import Prompt
from proxy.errors import SuiteError
from proxy.suites.splits import assign, straddling
from proxy.suites.suite import Suite, combine, prompt_id
from tests.proxy.suites.suite_prompts import make_prompts


def _suite(
    name: str, prompts: list[Prompt], *, n_rows: int | None = None, published_n: int | None = None
) -> Suite:
    return Suite(
        id=name,
        items=assign(prompts),
        sha256=name * 8,
        licence="MIT",
        source=name,
        n_rows=len(prompts) if n_rows is None else n_rows,
        published_n=published_n,
    )


def test_prompt_id_depends_on_the_text_alone() -> None:
    """Twelve hex digits, pinned: stored verdicts refer to them."""
    assert prompt_id("ab") == "fb8e20fc2e4c"


def test_suite_is_partial_where_rows_are_missing() -> None:
    """Repeated rows count as rows; a suite without a published number is never partial."""
    prompts = make_prompts(8)
    assert _suite("a", prompts, published_n=9).is_partial
    assert not _suite("a", prompts, n_rows=9, published_n=9).is_partial
    assert _suite("a", prompts).headline_refusal is None


def test_suite_selects_by_every_condition_given() -> None:
    """Conditions are joined by and."""
    suite = _suite("a", [*make_prompts(8), *make_prompts(8, category="ip", is_lookalike=True)])
    assert len(suite.select()) == len(suite) == 16
    assert len(suite.select(kind="benign", split="probe")) == 4
    assert len(suite.select(split="probe", is_lookalike=True)) == 2
    assert suite.select(kind="harmful") == ()


def test_combine_of_one_suite_is_that_suite() -> None:
    """Nothing is renamed."""
    suite = _suite("a", make_prompts(4))
    assert combine([suite]) is suite


def test_combine_of_no_suite_is_refused() -> None:
    """There is no empty suite."""
    with pytest.raises(ValueError, match="nothing to combine"):
        combine([])


def test_combine_keeps_a_text_once_and_adds_up_the_rows() -> None:
    """The earlier suite's copy stays; what was published is known only in part."""
    both = combine([_suite("a", make_prompts(8), published_n=9), _suite("b", make_prompts(12))])
    assert both.id == "a+b"
    assert [prompt.suite for prompt in both] == ["made"] * 12
    assert (len(both), both.n_rows, both.n_repeated, both.published_n) == (12, 20, 8, 21)
    assert both.is_partial


def test_combine_lets_no_near_duplicate_straddle() -> None:
    """The first suite's splits stand, and the second's rewordings follow them."""
    first = make_prompts(16)
    texts = [f"{prompt.text}!? now" for prompt in first]
    second = [replace(p, id=prompt_id(t), text=t) for p, t in zip(first, texts, strict=True)]
    suites = [_suite("a", first), _suite("b", second)]
    apart = straddling([prompt for suite in suites for prompt in suite])
    both = combine(suites)
    assert apart
    assert straddling(both.prompts) == ()
    assert both.prompts[:16] == suites[0].prompts


def test_combine_refuses_suites_that_disagree_on_a_kind() -> None:
    """The message names the prompt by its id, never by its text."""
    prompt = make_prompts(1)[0]
    other = replace(prompt, kind="harmful", suite="theirs")
    with pytest.raises(SuiteError) as caught:
        combine([_suite("a", [prompt]), _suite("b", [other])])
    assert str(caught.value) == (
        f"theirs: prompt {prompt.id} is harmful here and benign in made; "
        "leave out one of the two suites."
    )
