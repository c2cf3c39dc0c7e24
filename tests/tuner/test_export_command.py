"""Exports as the proxy sees them: what users get, what is measured, and the way back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from proxy.evaluation.store import EvaluationStore, Run
from proxy.policy.match import offered
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot
from proxy.policy.source import load_policy
from tests.proxy.policy.rollout_steps import step
from tests.tuner.test_cli import CAREFUL_ONCE_TOLD, STUBBORN, tune
from tests.tuner.toy import PRESET
from tuner.presets import PRESETS

FOLDER = Path("policies/tuned")

IN_FORCE = """
schema: 1
name: tuned-toy
match: {models: [toy], priority: 10}
system_prompt: {text: From an earlier run.}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a quick preset that is quick."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "quick", PRESET)
    (tmp_path / "guardtune.yaml").write_text(CAREFUL_ONCE_TOLD)
    return tmp_path


def in_force() -> None:
    """A policy of an earlier run, before this one's export."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "tuned-toy.yaml").write_text(IN_FORCE)


def policies() -> tuple[Policy, ...]:
    """What a proxy reads in the folder."""
    return tuple(load_policy(path, root=FOLDER) for path in sorted(FOLDER.glob("[!.]*.yaml")))


def offers(*promoted: Policy) -> list[tuple[str, float]]:
    """Each policy that is live for the tuned model with its share, the first one first."""
    decided = {policy.ref: step("promote", policy) for policy in promoted}
    found = offered(Snapshot(policies=policies(), decided=decided), "toy", None)
    return [(policy.name, share) for policy, share in found]


def test_a_shadow_is_measured_beside_what_is_in_force_and_can_be_promoted(here: Path) -> None:
    """Offered with a share of 0 first; promoted, everybody gets it."""
    (here / "guardtune.yaml").write_text(STUBBORN)
    in_force()
    assert tune("run") == 0
    assert offers() == [("tuned-toy-shadow", 0.0), ("tuned-toy", 1.0)]
    shadow = next(policy for policy in policies() if policy.name == "tuned-toy-shadow")
    assert offers(shadow) == [("tuned-toy-shadow", 1.0)]


def test_a_shadow_has_no_canary_whatever_stood_there_before(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shadow of an earlier run is in nobody's way, and nobody has got this one."""
    (here / "guardtune.yaml").write_text(STUBBORN)
    tune("run", "--seed", "1")
    text = (FOLDER / "tuned-toy-shadow.yaml").read_text()
    (FOLDER / "tuned-toy-shadow.yaml").write_text(text.replace("temperature", "top_p"))
    tune("run", "--seed", "2")
    assert tune("export", "--canary", "0.1") == 0
    assert "--canary 0.1 was left out, because" in capsys.readouterr().out


def test_a_shadow_by_name_leaves_that_name_to_what_is_in_force(here: Path) -> None:
    """Whoever types the name of the policy in force does not take it from its users."""
    (here / "guardtune.yaml").write_text(STUBBORN)
    in_force()
    tune("run", "--name", "other")
    assert tune("export", "--name", "tuned-toy") == 0
    assert (FOLDER / "tuned-toy.yaml").read_text() == IN_FORCE
    assert ("tuned-toy-shadow", 0.0) in offers()
    assert ("tuned-toy", 1.0) in offers()
    assert tune("export", "--name", "tuned-toy", "--undo") == 0
    assert ("tuned-toy-shadow", 0.0) not in offers()


def test_whoever_does_not_get_a_canary_keeps_what_is_in_force(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beside it and above it; promoted, everybody gets it, and undone, nobody does."""
    tune("run", "--out", "elsewhere")
    in_force()
    assert tune("export", "--canary", "0.1", "--out", str(FOLDER)) == 0
    assert "until `guardtune policy promote tuned-toy-canary`" in capsys.readouterr().out
    assert offers() == [("tuned-toy-canary", 0.1), ("tuned-toy", 1.0)]
    canary = next(policy for policy in policies() if policy.name == "tuned-toy-canary")
    assert offers(canary) == [("tuned-toy-canary", 1.0)]
    assert tune("export", "--undo", "--out", str(FOLDER)) == 0
    assert offers() == [("tuned-toy", 1.0)]
    assert (FOLDER / "tuned-toy.yaml").read_text() == IN_FORCE


def test_a_canary_of_what_has_replaced_another_policy_waits_for_the_way_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others could not keep what is no longer there."""
    in_force()
    assert tune("run") == 0
    assert tune("export", "--canary", "0.1") == 2
    assert "Put that back with `guardtune tune export --undo` first" in capsys.readouterr().err
    assert offers() == [("tuned-toy", 1.0)]
    assert tune("export", "--undo") == 0
    assert tune("export", "--canary", "0.1") == 0
    assert offers() == [("tuned-toy-canary", 0.1), ("tuned-toy", 1.0)]
    capsys.readouterr()
    assert tune("export") == 0
    assert "Above it stands tuned-toy-canary.yaml: remove" in capsys.readouterr().out


def test_an_export_can_be_a_canary_and_can_be_undone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the file that the run wrote, then to none, and no further."""
    tune("run")
    path = here / "policies" / "tuned" / "tuned-toy.yaml"
    whole = path.read_text()
    assert tune("export", "--canary", "0.1") == 0
    rollout = load_policy(path, root=path.parent).rollout
    assert rollout is not None
    assert rollout.share == 0.1
    capsys.readouterr()
    assert tune("export", "--undo") == 0
    assert capsys.readouterr().out.endswith("is again what it was before the export.\n")
    assert path.read_text() == whole
    assert tune("export", "--undo") == 0
    assert not path.exists()
    assert tune("export", "--undo") == 2
    said = capsys.readouterr().err
    assert "no export to undo" in said
    assert "--run" in said


def test_an_export_is_undone_after_a_later_run_that_was_stopped_under_another_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That one has written nothing; asked for by its id, it says so."""
    folder = here / "policies" / "tuned"
    assert tune("run", "--name", "first") == 0
    with EvaluationStore(Path("var/tune.sqlite")) as store:
        (run,) = store.runs()
        store.add_run(Run("later", time.time(), {**run.config, "name": "second"}))
    assert tune("export", "--undo", "--run", "later") == 2
    assert "second.yaml: there is no export to undo" in capsys.readouterr().err
    assert (folder / "first.yaml").exists()
    assert tune("export", "--undo") == 0
    assert "first.yaml is removed; there was none." in capsys.readouterr().out
    assert list(folder.iterdir()) == []


def test_a_shadow_is_undone_and_no_canary_of_it_is_left_unsaid(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the run's name alone; and what was there before stays."""
    (here / "guardtune.yaml").write_text(STUBBORN)
    folder = here / "policies" / "tuned"
    tune("run")
    assert tune("export", "--canary", "0.1") == 0
    assert (
        "--canary 0.1 was left out, because on the validation split no finalist beat the baseline"
        in capsys.readouterr().out
    )
    assert tune("export", "--undo") == 0
    assert "tuned-toy-shadow.yaml is removed; there was none." in capsys.readouterr().out
    assert list(folder.iterdir()) == []
