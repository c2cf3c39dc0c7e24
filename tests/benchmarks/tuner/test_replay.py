"""Every algorithm replays on a table, which here a noisy problem has filled."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.tuner.configurations import configurations
from benchmarks.tuner.noisy import JUDGE, SPACE_TEXT, NoisyProblem
from benchmarks.tuner.replay import run_trial
from benchmarks.tuner.table import Header, Row, Table, as_cell, extend
from proxy.policy.schema import PASSTHROUGH
from tuner.algorithms import ALGORITHMS
from tuner.candidate import Candidate

NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            one.extra is not None and find_spec(one.extra) is None,
            reason=f"needs the extra {one.extra}",
        ),
    )
    for name, one in ALGORITHMS.items()
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety configurations on twenty prompts of each kind."""
    problem = NoisyProblem(5, prompts=(20, 1, 1))
    prompts = [prompt for prompt in problem.prompts if prompt.split == "search"]
    header = Header(
        model=("noisy", "0" * 64), judge=JUDGE, suite=("noisy", "1" * 64), space=SPACE_TEXT,
        seed=1, max_tokens=64,
        prompts=tuple((one.id, one.kind, one.is_lookalike) for one in prompts),
    )  # fmt: skip
    rows = []
    for genome in configurations(problem.space, 90, seed=1):
        candidate = Candidate.of(genome, problem.space, PASSTHROUGH)
        cells = tuple(as_cell(problem.answer(candidate, prompt)) for prompt in prompts)
        rows.append(Row(genome, cells))
    path = tmp_path_factory.mktemp("replay") / "table.jsonl"
    extend(path, [header.line(), *(row.line() for row in rows)])
    return path


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_replays_alike_with_the_same_seed(table: Path, name: str) -> None:
    """Within its tokens, on no more configurations than there are."""
    tokens = round(Table.load(table).tokens / 3)
    found = run_trial(table, name, 1, tokens)
    assert found == run_trial(table, name, 1, tokens)
    assert found.tokens <= tokens
    assert 0 < found.volume < 1
    assert 12 <= found.candidates <= 90


def test_a_search_that_has_tried_all_comes_to_an_end(table: Path) -> None:
    """Only a third of the configurations are decoding's, whatever may be spent."""
    found = run_trial(table, "decoding-only", 1, 10**9)
    assert found.candidates <= 33
