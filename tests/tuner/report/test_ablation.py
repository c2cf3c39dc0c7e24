"""The path is walked as far as there are answers, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.evaluation.run import tasks_for
from proxy.evaluation.store import AnswerKey, EvaluationStore
from proxy.suites.suite import Suite
from tests.tuner.toy import PRESET, toy_suite
from tuner.candidate import Candidate
from tuner.genome import Genome
from tuner.pools import Pools
from tuner.record import Record
from tuner.report.ablation import ablation
from tuner.report.facts import Facts
from tuner.report.genes import with_gene


@pytest.fixture
def own_facts(toy_store: Path, tmp_path: Path) -> Iterator[Facts]:
    """Of a copy of the store that a test may add answers to."""
    path = tmp_path / "copy.sqlite"
    path.write_bytes(toy_store.read_bytes())
    with EvaluationStore(path) as store:
        yield Facts(Record.load(store, "r"), store, PRESET, toy_suite())


BEST = Genome(("care", None), ("safe-one",), (0.4, None, None, None))


def answer_like_the_baseline(facts: Facts, genome: Genome) -> Candidate:
    """Store validation answers for a policy: the baseline's own."""
    suite: Suite = toy_suite()
    pools = Pools.of(suite, "validation", seed=8)
    known = facts.of(facts.baseline, "validation")
    candidate = facts.candidate(genome)
    for task in tasks_for(candidate.policy, pools.first(pools.all), run_seed=8, max_tokens=16):
        if task.prompt.id in known:
            one = known[task.prompt.id]
            key = AnswerKey("0" * 64, candidate.key, task.prompt.id, 0, task.seed, 16)
            facts._store.add_answer(key, one.answer, one.verdict, answered_at=2e6)
    return candidate


def test_without_answers_in_between_the_path_says_what_is_missing(facts: Facts) -> None:
    """Nothing is guessed."""
    path = ablation(facts, facts.candidate(BEST))
    assert [change.gene for change in path.differing] == ["stance", "demonstrations", "temperature"]
    assert path.split == "search"
    assert (len(path.steps), path.missing) in {(0, 5), (1, 2), (2, 0)}
    assert not path.is_whole


def test_answers_in_between_make_a_path(own_facts: Facts) -> None:
    """Each step one gene, until the best is reached."""
    base = Genome.base(own_facts.space)
    first = with_gene(base, "stance", BEST, own_facts.space)
    second = with_gene(first, "temperature", BEST, own_facts.space)
    for genome in (first, second, BEST):
        answer_like_the_baseline(own_facts, genome)
    path = ablation(own_facts, own_facts.candidate(BEST))
    assert path.split == "validation"
    assert [step.change.gene for step in path.steps] == ["stance", "temperature", "demonstrations"]
    assert path.is_whole
    assert path.missing == 0
    assert set(path.alone) == {"demonstrations"}


def test_the_path_ends_where_answers_end(own_facts: Facts) -> None:
    """Two steps on, the next policy was never asked."""
    base = Genome.base(own_facts.space)
    first = with_gene(base, "stance", BEST, own_facts.space)
    second = with_gene(first, "temperature", BEST, own_facts.space)
    for genome in (first, second):
        answer_like_the_baseline(own_facts, genome)
    path = ablation(own_facts, own_facts.candidate(BEST))
    assert len(path.steps) == 2
    assert not path.is_whole


def test_one_gene_of_difference_is_a_whole_path_on_validation_prompts(own_facts: Facts) -> None:
    """One step arrives; search prompts would flatter the best."""
    best = with_gene(Genome.base(own_facts.space), "stance", BEST, own_facts.space)
    path = ablation(own_facts, answer_like_the_baseline(own_facts, best))
    assert (path.split, len(path.steps), path.is_whole) == ("validation", 1, True)
