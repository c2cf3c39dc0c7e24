"""Ancestors, the main line, and what each step says differently."""

from __future__ import annotations

import itertools

from proxy.policy.schema import PASSTHROUGH
from tests.tuner.strategies import TOY_SPACE
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.report.facts import Facts
from tuner.report.genealogy import ancestors, main_line, prompt_diff


def youngest(facts: Facts) -> str:
    """A candidate of the last generation that has parents."""
    return [key for key, one in facts.candidates.items() if one.origin.parents][-1]


def test_ancestors_are_closed_and_older(facts: Facts) -> None:
    """Every parent of one of them is one of them, to its left."""
    family = ancestors(facts, youngest(facts))
    generation = {one.candidate.key: one.generation for one in family}
    assert len(family) > 2
    for one in family:
        for parent in one.candidate.origin.parents:
            assert generation[parent] < one.generation
    places = [(one.generation, one.lane) for one in family]
    assert len(set(places)) == len(places)


def test_the_main_line_leads_from_a_founder_to_the_candidate(facts: Facts) -> None:
    """Link by link, and the founder is held against the baseline."""
    line = main_line(facts, youngest(facts))
    assert not line[0].is_inherited
    assert line[0].parent.key == facts.baseline.key
    assert line[-1].child.key == youngest(facts)
    for before, after in itertools.pairwise(line):
        assert after.parent.key == before.child.key


def test_the_baseline_descends_from_nobody(facts: Facts) -> None:
    """Candidate 0."""
    assert main_line(facts, facts.baseline.key) == ()


def test_a_diff_marks_words_and_whole_demonstrations() -> None:
    """And the same words are no diff at all."""

    def policy(*slots: str | None, demonstrations: tuple[str, ...] = ()) -> Candidate:
        return Candidate.of(Genome(slots, demonstrations, (None,) * 4), TOY_SPACE, PASSTHROUGH)

    calm = policy("care", "calm")
    firm = policy("firm", "calm", demonstrations=("safe-one",))
    parts = prompt_diff(calm.policy, firm.policy)
    assert "".join(words for kind, words in parts if kind != "new").strip() == (
        "Think before you speak. Stay calm."
    )
    assert ("same", "Stay calm. ") in parts
    assert any(kind == "new" and "safe example one" in words for kind, words in parts)
    assert prompt_diff(calm.policy, calm.policy) == ()
