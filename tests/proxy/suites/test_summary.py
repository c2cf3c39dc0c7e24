from __future__ import annotations

from dataclasses import replace

from proxy.suites.builtin import load_builtin
from proxy.suites.choices import ChoiceQuestion, ChoiceSuite
from proxy.suites.summary import (
    counted,
    header,
    prompt_line,
    prompt_table,
    question_lines,
    topic_table,
    torn,
)

QUESTION = ChoiceQuestion("q", "Warm?", ("Ice", "Fire"), 1, "advice", "s", ("heat", "home"))
CHOICES = ChoiceSuite("s", (QUESTION,), "0" * 64, "MIT", "here", 2, 3)


def test_header_says_what_is_missing() -> None:
    """Repeats, the published number, and that a part has no headline."""
    assert list(header(CHOICES))[:3] == [
        "suite     s",
        "questions 1 (1 repeated rows left out)",
        "published 2 of 3 rows, partial: no headline figures on it",
    ]
    assert list(header(load_builtin()))[1] == "prompts   800 (0 repeated rows left out)"


def test_topic_table_counts_a_question_under_each_of_its_topics() -> None:
    """As the suites publish their accuracies."""
    lines = [line.split() for line in topic_table(CHOICES)]
    assert ["heat", "advice", "1"] in lines
    assert ["home", "advice", "1"] in lines
    assert list(topic_table(CHOICES))[-1] == "guessing is right in 50.0% of them"


def test_prompt_table_sums_up() -> None:
    """By kind, category and split."""
    assert list(prompt_table(load_builtin().prompts))[-1].split() == ["all", *["200"] * 4, "800"]


def test_harmful_prompts_are_hidden_unless_revealed() -> None:
    """Nobody meets them by accident."""
    prompt = load_builtin().select(kind="harmful")[0]
    assert prompt.text not in prompt_line(prompt, is_revealed=False)
    assert prompt.text in prompt_line(prompt, is_revealed=True)


def test_question_lines_show_the_right_letter() -> None:
    """And the question as it is asked."""
    head, *rest = question_lines(QUESTION)
    assert head == "q advice, heat, home; right: B"
    assert rest[0] == "    Question: Warm?"


def test_torn_names_clusters_in_several_splits_by_id() -> None:
    """None in the built-in suite."""
    first, *others = load_builtin().prompts
    copy = replace(first, id="copy", split="test" if first.split != "test" else "probe")
    assert torn([first, *others]) == []
    assert torn([first, copy]) == [f"near-duplicates in different splits: {first.id}, copy"]


def test_counted_knows_singular_and_plural() -> None:
    """One problem, two problems."""
    assert (counted(1, "problem"), counted(2, "problem")) == ("1 problem", "2 problems")
