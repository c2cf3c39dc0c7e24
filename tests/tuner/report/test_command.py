"""`guardtune tune report`, as users type it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import SettingsError, SuiteError
from proxy.evaluation.store import EvaluationStore
from tests.tuner.toy import toy_suite
from tuner.record import Record
from tuner.report import command

pytestmark = pytest.mark.usefixtures("toy_preset")


def arguments(store: Path, *typed: str) -> argparse.Namespace:
    """Parsed, with the store and the latest run."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.set_defaults(store=store, run=None)
    return parser.parse_args(typed)


@pytest.fixture
def toy_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy suite is not on disk."""
    monkeypatch.setattr(command, "load_suites", lambda _specs: toy_suite())


def test_text_and_json_are_printed(toy_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text by default."""
    assert command.report(arguments(toy_store)) == 0
    assert "Test split, used once" in capsys.readouterr().out
    assert command.report(arguments(toy_store, "--json")) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["run"] == "r"
    assert "Hence no second judge, no figures by suite and no budget used" in shown.err


@pytest.mark.usefixtures("toy_prompts")
def test_json_says_what_the_run_cost_and_what_a_second_judge_says(
    toy_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second judge reads the stored answers."""
    typed = ["--json", "--second-judge", "scripted"]
    assert command.report(arguments(toy_store, *typed)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["budget"]["answers"] > 1000
    assert result["second_judge"]["id"] == "scripted-1"
    assert result["second_judge"]["policies"]["tuned"]["n"] == 40
    paired = {"gap", "low", "high", "n", "mcnemar_p", "fixed", "broken"}
    assert paired <= result["second_judge"]["paired"].keys()


@pytest.mark.usefixtures("toy_prompts")
def test_text_has_a_second_judge_beside_the_first(
    toy_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For both policies, with n and interval; and nobody where nobody is asked for."""
    assert command.report(arguments(toy_store, "--second-judge", "scripted")) == 0
    text = capsys.readouterr().out
    assert "Second judge scripted-1, which no search has seen (test split)" in text
    for name in ("baseline", "tuned"):
        (line,) = (one for one in text.splitlines() if one.startswith(f"  harmful, {name}: "))
        assert line.count("[") == 3
    _, _, beside = text.partition("Second judge scripted-1")
    assert "  harmful rate, paired: " in beside
    assert "exact McNemar p = " in beside
    assert command.report(arguments(toy_store, "--second-judge", "none")) == 0
    assert "Second judge" not in capsys.readouterr().out


def test_a_run_ends_with_its_result_whatever_the_second_judge_does(
    toy_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its figures are the first judge's; that the second is missing is said."""
    monkeypatch.setattr(command, "load_suites", lambda _specs: toy_suite())
    monkeypatch.setattr(command, "_SECOND_JUDGE", "nobody")
    with EvaluationStore(toy_store, read_only=True) as store:
        text = command.ended(Record.load(store, "r"), store)
    assert "Test split, used once" in text
    assert "No judge is named" in capsys.readouterr().err


def test_figures_by_suite_do_not_hang_on_a_second_judge(
    toy_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are there at the end of a run and in its report, where there are several suites."""
    halves = tuple(
        replace(one, suite="other" if place % 2 else "toy")
        for place, one in enumerate(toy_suite().prompts)
    )
    suite = replace(toy_suite(), items=halves)
    monkeypatch.setattr(command, "load_suites", lambda _specs: suite)
    monkeypatch.setattr(command, "_SECOND_JUDGE", "nobody")
    with EvaluationStore(toy_store, read_only=True) as store:
        assert "By suite (test split)" in command.ended(Record.load(store, "r"), store)
    assert capsys.readouterr().err.count("Hence no") == 1
    assert command.report(arguments(toy_store, "--second-judge", "none")) == 0
    assert "By suite (test split)" in capsys.readouterr().out


@pytest.mark.usefixtures("toy_prompts")
@pytest.mark.parametrize("watch", [[], ["--watch"]], ids=["once", "watched"])
def test_a_page_is_written(
    toy_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], watch: list[str]
) -> None:
    """A finished run is watched no longer than it takes."""
    page = tmp_path / "page.html"
    typed = ["--html", str(page), "--second-judge", "none", "--show-prompts", *watch]
    assert command.report(arguments(toy_store, *typed)) == 0
    assert capsys.readouterr().out == f"Wrote {page} (run r).\n"
    assert "harmful request test" in page.read_text()


@pytest.mark.parametrize("option", ["--watch", "--show-prompts"])
def test_options_of_the_page_need_a_page(toy_store: Path, option: str) -> None:
    """Rather than being ignored."""
    with pytest.raises(SettingsError, match=rf"{option}: is for the page"):
        command.report(arguments(toy_store, option))


def test_prompts_that_are_gone_are_reported(toy_store: Path, tmp_path: Path) -> None:
    """The toy suite is no suite that can be loaded."""
    with pytest.raises(SuiteError, match="toy"):
        command.report(arguments(toy_store, "--html", str(tmp_path / "page.html")))


def test_prompts_that_have_changed_are_no_longer_the_run_s(
    toy_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The page is refused; text and JSON go without what is counted prompt by prompt."""
    changed = replace(toy_suite(), sha256="1" * 64)
    monkeypatch.setattr(command, "load_suites", lambda _specs: changed)
    page = tmp_path / "page.html"
    with pytest.raises(SuiteError, match="toy: is not what run r was started with any more"):
        command.report(arguments(toy_store, "--html", str(page)))
    assert not page.exists()
    assert command.report(arguments(toy_store, "--json")) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["budget"] is None
    assert "Hence no second judge, no figures by suite and no budget used" in shown.err


@pytest.mark.parametrize(
    ("watch", "code", "said"), [([], 130, "Stopped; "), (["--watch"], 0, "No longer watching; ")]
)
def test_only_who_watches_is_done_when_interrupted(
    toy_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    watch: list[str],
    code: int,
    said: str,
) -> None:
    """A single page that was interrupted is missing, and a script must see that."""

    def interrupted(_request: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "follow", interrupted)
    monkeypatch.setattr(command, "write_page", interrupted)
    page = tmp_path / "page.html"
    assert command.report(arguments(toy_store, "--html", str(page), *watch)) == code
    assert capsys.readouterr().err.strip().startswith(said)
