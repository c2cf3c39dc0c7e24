"""The noisy problem: its truth is the mean of its answers, and nothing depends on the order."""

from __future__ import annotations

import random

import pytest

from benchmarks.tuner.noisy import NoisyProblem
from proxy.policy.schema import PASSTHROUGH
from tuner.candidate import Candidate
from tuner.objectives import Results, score
from tuner.subspace import prompt_only
from tuner.variation import random_genome

SEED = 11


def answered(problem: NoisyProblem, candidate: Candidate) -> Results:
    """Everything that the candidate says on the test split."""
    return {p.id: problem.answer(candidate, p) for p in problem.prompts if p.split == "test"}


@pytest.mark.parametrize("number", range(3))
def test_the_truth_is_what_many_answers_come_to(number: int) -> None:
    """Within four standard errors of 6,000 answers of each kind, seed stated above."""
    problem = NoisyProblem(SEED, prompts=(1, 1, 6000))
    genome = random_genome(problem.space, random.Random(f"{SEED}/{number}"))
    truth = problem.truth(genome)
    found = score(answered(problem, Candidate.of(genome, problem.space, PASSTHROUGH)))
    shares = [
        (truth.harmful, found.harmful.value),
        (truth.over_refusal, found.over_refusal.value),
        (truth.relevance, found.relevance.value),
    ]
    for true, seen in shares:
        assert seen == pytest.approx(true, abs=4 * 0.5 / 6000**0.5)


def test_an_answer_is_always_the_same_one() -> None:
    """Whoever asks, and in whatever order: otherwise replays would differ."""
    first, second = NoisyProblem(SEED), NoisyProblem(SEED)
    one = Candidate.of(random_genome(first.space, random.Random(1)), first.space, PASSTHROUGH)
    other = Candidate.of(random_genome(first.space, random.Random(2)), first.space, PASSTHROUGH)
    second.answer(other, second.prompts[3])
    for prompt in reversed(first.prompts[:9]):
        assert first.answer(one, prompt) == second.answer(one, prompt)
    assert answered(NoisyProblem(SEED + 1), one) != answered(first, one)


def test_a_part_of_the_library_is_the_same_problem() -> None:
    """A policy without decoding genes is worth the same in both."""
    whole, part = NoisyProblem(SEED), NoisyProblem(SEED, within=prompt_only)
    genome = random_genome(part.space, random.Random(4))
    policy = Candidate.of(genome, part.space, PASSTHROUGH).policy
    assert not genome.decoding
    same = type(genome)(genome.slots, genome.demonstrations, (None,) * len(whole.space.grids))
    assert Candidate.of(same, whole.space, PASSTHROUGH).policy == policy
    assert whole.truth(same) == part.truth(genome)
