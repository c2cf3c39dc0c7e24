"""The page on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.evaluation.store import EvaluationStore, Run
from tests.tuner.toy import toy_suite
from tuner.report.facts import Facts
from tuner.report.live import PageRequest, follow, write_page
from tuner.report.second import SecondJudge

pytestmark = pytest.mark.usefixtures("toy_preset")


def request(store: Path, target: Path) -> PageRequest:
    """Of the latest run, with the scripted judge as the second one."""
    second = SecondJudge("scripted")
    return PageRequest(store, None, target, second, False, lambda _: toy_suite().prompts)


def test_a_finished_run_makes_one_page(toy_store: Path, tmp_path: Path) -> None:
    """In a folder that is made; nothing else is left there."""
    target = tmp_path / "new" / "page.html"
    record = write_page(request(toy_store, target), refresh_s=5)
    assert record.run.id == "r"
    page = target.read_text()
    assert "Second judge scripted" in page
    assert 'http-equiv="refresh"' not in page.split("<style>")[0]
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]


def test_a_page_follows_a_run_from_before_its_start_to_its_end(
    facts: Facts, tmp_path: Path
) -> None:
    """Decisions appear one after another; the page is made when there is something new."""
    store, target = tmp_path / "tune.sqlite", tmp_path / "page.html"
    decisions = list(facts.record.decisions)
    with EvaluationStore(store) as writer:
        writer.add_run(Run("r", 1e6, facts.record.run.config))
        pages: list[str] = []

        def more(seconds: float) -> None:
            assert seconds >= 5
            if target.exists():
                pages.append(target.read_text().split("<style>")[0])
            for _ in range(4):
                number = len(writer.decisions("r"))
                writer.add_decision("r", number, decisions[number])
                if number + 1 == len(decisions):
                    break

        record = follow(request(store, target), sleep=more, clock=lambda: 0.0)
    assert record.is_finished
    assert pages
    assert all('http-equiv="refresh" content="5"' in page for page in pages)
    assert 'http-equiv="refresh"' not in target.read_text().split("<style>")[0]


def test_a_run_without_a_decision_has_no_page(facts: Facts, tmp_path: Path) -> None:
    """It says so."""
    store = tmp_path / "tune.sqlite"
    with EvaluationStore(store) as writer:
        writer.add_run(Run("r", 1e6, facts.record.run.config))
    with pytest.raises(StoreError, match="has not decided anything yet"):
        write_page(request(store, tmp_path / "page.html"))


def test_a_page_that_cannot_be_written_is_an_error_with_a_remedy(
    toy_store: Path, tmp_path: Path
) -> None:
    """A folder stands in its place."""
    target = tmp_path / "page.html"
    target.mkdir()
    with pytest.raises(StoreError, match="Give another --html"):
        write_page(request(toy_store, target))
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_nobody_needs_to_judge_again(toy_store: Path, tmp_path: Path) -> None:
    """Without a second judge the page says that there was none."""
    target = tmp_path / "page.html"
    write_page(replace(request(toy_store, target), second_judge=None))
    assert "its disagreement is not known" in target.read_text()
