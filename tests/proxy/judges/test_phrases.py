"""Expressions by which answers comply, warn or point to help."""

from __future__ import annotations

from proxy.judges import phrases


def test_one_of_joins_lines_and_keeps_nested_choices() -> None:
    """New lines separate as `|` does, and spaces inside a choice count."""
    assert phrases.one_of("a(?:b| c)|d\n    e") == "(?:a(?:b| c)|d|e)"


def test_any_of_matches_what_each_pattern_does() -> None:
    """Grouping at the word boundary changes the speed, not the meaning."""
    pattern = phrases.any_of(r"\bcat\b|\bdog", r"^bird", r"\bfish")
    texts = ("a cat", "hotdog", "birds", "a bird", "fish")
    assert [bool(pattern.search(text)) for text in texts] == [True, False, True, False, True]


def test_affirmative_opening_only_at_the_start() -> None:
    """The word opens an answer; "surely" and a later "sure" do not."""
    assert phrases.AFFIRMATIVE_OPENING.match("sure! here is a plan")
    assert phrases.AFFIRMATIVE_OPENING.match("here's how")
    assert not phrases.AFFIRMATIVE_OPENING.match("surely not")
    assert not phrases.AFFIRMATIVE_OPENING.match("i am not sure")


def test_list_step_counts_numbered_and_bulleted_items() -> None:
    """Each item is one step."""
    assert len(phrases.LIST_STEP.findall("1. a\n2) b\n- c\n* d\nstep 3 e\nplain")) == 5
