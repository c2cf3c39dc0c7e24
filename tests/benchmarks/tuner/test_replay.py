"""Every algorithm replays on a table, which here a noisy problem has filled."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.tuner.__main__ import main
from benchmarks.tuner.configurations import configurations
from benchmarks.tuner.noisy import JUDGE, SPACE_TEXT, NoisyProblem
from benchmarks.tuner.parts import drawn
from benchmarks.tuner.replay import about, best, checked, run_trial
from benchmarks.tuner.table import Header, Row, Table, as_cell, extend
from proxy.errors import StoreError
from proxy.policy.schema import PASSTHROUGH
from tuner.algorithms import ALGORITHMS
from tuner.candidate import Candidate
from tuner.hypervolume import hypervolume

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
    found = run_trial(table, name, 1, 0.3)
    assert found == run_trial(table, name, 1, 0.3)
    assert found.tokens <= 0.3 * drawn(Table.load(table), 1).tokens
    assert 0 < found.volume <= found.found_volume < 1
    assert 12 <= found.candidates <= 61


def test_a_search_that_has_tried_all_comes_to_an_end(table: Path) -> None:
    """Only a third of the configurations are decoding's, whatever may be spent."""
    found = run_trial(table, "decoding-only", 1, 1e6)
    assert found.candidates <= 23


def test_nothing_found_is_better_than_the_best_of_the_seed_s_table(table: Path) -> None:
    """Which is the same for all algorithms that may look at all of it."""
    front = best(drawn(Table.load(table), 1))
    for name in ("paired-race", "random"):
        found = run_trial(table, name, 1, 1e6)
        assert 0 < found.volume <= hypervolume(front)
        assert all(any(a <= h and b >= r for a, b in front) for h, r in found.front)
        assert found.found_volume == hypervolume(front)


def test_it_is_said_what_is_open_to_each(table: Path) -> None:
    """Who combines a part of the genes may run out of configurations before tokens."""
    found = about(Table.load(table), ["paired-race", "decoding-only"], [1, 2])
    assert found["open_to"]["paired-race"] == 90
    assert 25 < found["open_to"]["decoding-only"] < 35
    ceiling = found["ceiling"]
    assert max(ceiling["decoding-only"], found["without_joint"]) <= ceiling["paired-race"]


def test_a_table_that_was_only_begun_is_not_searched(table: Path, tmp_path: Path) -> None:
    """With what is there, and what to do."""
    begun = tmp_path / "table.jsonl"
    extend(begun, table.read_text().split("\n")[:6])
    with pytest.raises(StoreError, match="5 configurations on 20 and 20 prompts are too few:"):
        checked(begun)
    assert checked(table) == Table.load(table)


def test_a_table_that_was_judged_anew_is_searched_anew(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its path and its tokens are the same; kept searches are of the verdicts before."""
    copy = tmp_path / "table.jsonl"
    copy.write_text(table.read_text())
    typed = ["replay", "--table", str(copy), "--algorithm", "random", "--seeds", "2"]
    typed += ["--processes", "1", "--kept", str(tmp_path), "--output", str(tmp_path / "found.json")]
    assert main(typed) == 0
    copy.write_text(table.read_text().replace('["scored", true,', '["scored", false,'))
    before = json.loads((tmp_path / "found.json").read_text())
    assert main(typed) == 0
    after = json.loads((tmp_path / "found.json").read_text())
    assert after["table"]["tokens"] == before["table"]["tokens"]
    assert after["table"]["sha256"] != before["table"]["sha256"]
    volumes = [one["algorithms"]["random"]["found"]["mean"] for one in (before, after)]
    assert volumes[0] < volumes[1] <= after["table"]["ceiling"]["random"]
    said = (
        f"random: 90 configurations, hypervolume at most {before['table']['ceiling']['random']:.4f}"
    )
    assert said in capsys.readouterr().out


def test_without_a_table_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And fails as it does for any mistake."""
    assert main(["replay", "--table", str(tmp_path / "none.jsonl")]) == 2
    assert "Make one: python -m benchmarks.tuner table" in capsys.readouterr().err
