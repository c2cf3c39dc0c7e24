"""Everything on the command line is checked before an answer is paid for."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import SettingsError
from proxy.evaluation.command import parser
from proxy.evaluation.order import AUTO, Order, distinct, read_order
from proxy.judges.registry import JUDGES
from proxy.judges.scripted import ScriptedJudge
from proxy.policy.schema import PASSTHROUGH
from proxy.suites.loaders import load_suites
from proxy.suites.ordering import content_hash

MODELS = "models: [{backend: scripted, name: toy}]\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and two policies; no second judge is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(JUDGES, "embedded-ngrams", raising=False)
    (tmp_path / "models.yaml").write_text(MODELS)
    for name in ("plain", "careful"):
        (tmp_path / f"{name}.yaml").write_text(f"schema: 1\nname: {name}\n")
    return tmp_path


def read(*arguments: str) -> Order:
    """The order that a command line gives."""
    always = ["--model", "models.yaml", "--judge", "scripted"]
    return read_order(parser().parse_args([*always, *arguments]))


def test_defaults_measure_the_bare_model_on_the_built_in_suite(here: Path) -> None:
    """The test split of it, all prompts."""
    order = read()
    assert order.policies == (("passthrough", PASSTHROUGH),)
    assert [suite.id for suite in order.suites] == ["builtin"]
    assert {prompt.split for prompt in order.prompts} == {"test"}
    assert [judge.judge_id for judge in order.judges] == ["scripted-1"]


def test_policies_and_prompts_are_those_asked_for(here: Path) -> None:
    """In the order of the command line; passthrough is a name."""
    order = read("--policy", "passthrough", "--policy", "careful.yaml", "-n", "5")
    assert [policy.name for _, policy in order.policies] == ["passthrough", "careful"]
    assert [prompt.kind for prompt in order.prompts] == ["harmful"] * 5 + ["benign"] * 5


def test_every_mistake_is_told_at_once(here: Path) -> None:
    """Model, policies, suites, judges and gates."""
    (here / "broken.yaml").write_text(
        "schema: 1\nname: broken\ndecoding: {temperatur: 1, top_k: x}"
    )
    with pytest.raises(SettingsError) as caught:
        read(
            "--model", "nobody", "--policy", "broken.yaml", "--policy", "nowhere.yaml",
            "--suite", "bultin", "--suite", "catqa-en:nowhere.json", "--judge", "embeded",
        )  # fmt: skip
    said = str(caught.value)
    for part in (
        "there is no model 'nobody'", "broken.yaml:3: decoding.temperatur", "decoding.top_k",
        "nowhere.yaml", "Did you mean `builtin`", "nowhere.json", "No judge is named 'embeded'",
    ):  # fmt: skip
        assert part in said, part


def test_gates_are_checked_against_the_policies(here: Path) -> None:
    """A misspelt one must not pass."""
    with pytest.raises(SettingsError, match="Did you mean `harmful`"):
        read("--fail-if", "harmfull > 0.2", "--fail-if", "harmful > 0.2")
    assert len(read("--fail-if", "harmful > 0.2").gates) == 1


def test_two_policies_of_one_name_are_refused(here: Path) -> None:
    """Nobody could tell them apart in the report."""
    with pytest.raises(SettingsError, match="the name plain is used twice"):
        read("--policy", "plain.yaml", "--policy", "plain.yaml")


def test_the_second_judge_stands_beside_where_it_is_installed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, unless somebody else or nobody is asked for."""
    monkeypatch.setitem(
        JUDGES, "embedded-ngrams", lambda: ScriptedJudge(judge_id="embedded-ngrams-1")
    )
    assert [judge.judge_id for judge in read().judges] == ["scripted-1", "embedded-ngrams-1"]
    assert len(read("--second-judge", "none").judges) == 1
    assert len(read("--judge", "embedded-ngrams").judges) == 1


def test_a_judge_cannot_be_its_own_second(here: Path) -> None:
    """They would always agree."""
    with pytest.raises(SettingsError, match="'scripted' is --judge already"):
        read("--second-judge", "scripted")


def test_a_split_without_prompts_is_refused(here: Path) -> None:
    """An empty measurement is none."""
    (here / "few.jsonl").write_text(
        '{"prompt": "How do I bake bread?", "kind": "benign", "split": "search"}\n'
    )
    with pytest.raises(SettingsError, match="split test of jsonl holds no prompt"):
        read("--suite", "jsonl:few.jsonl")


def test_the_seed_leaves_the_splits_alone(here: Path) -> None:
    """What the tuner searched on must be no test prompt of any evaluation, whatever its seed."""
    rows = "".join(f"{content_hash(number)},benign\n" for number in range(40))  # nothing alike
    (here / "own.csv").write_text(f"prompt,kind\n{rows}")
    tuned_on = set(load_suites(["csv:own.csv"]).select(split="search"))
    for seed in ("1", "2"):
        asked = set(read("--suite", "csv:own.csv", "--seed", seed).prompts)
        assert len(asked) == 10
        assert asked.isdisjoint(tuned_on)
        assert asked == set(load_suites(["csv:own.csv"]).select(split="test"))


def test_the_same_judge_twice_is_a_mistake_however_it_is_named(here: Path) -> None:
    """It would agree with itself."""
    (here / "judge.yaml").write_text("judge: scripted\n")
    judges = read("--second-judge", "judge.yaml").judges
    with pytest.raises(SettingsError, match=r"'judge\.yaml' is --judge already"):
        distinct(judges, "judge.yaml")


def test_the_usual_second_judge_steps_back_where_it_is_the_first(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked for it, so it is no mistake."""
    monkeypatch.setitem(JUDGES, "embedded-ngrams", ScriptedJudge)
    (here / "judge.yaml").write_text("judge: embedded-ngrams\n")
    for first in ("judge.yaml", "embedded-ngrams"):
        assert len(distinct(read("--judge", first).judges, AUTO)) == 1


def test_two_models_of_one_name_are_two_judges() -> None:
    """Known only once they have started, by what stands behind their ids."""
    judges = (ScriptedJudge(judge_id="guard@1.a"), ScriptedJudge(judge_id="guard@1.b"))
    assert distinct(judges, "guard.yaml") == judges
