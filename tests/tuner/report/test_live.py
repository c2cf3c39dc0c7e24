"""The page on disk."""

from __future__ import annotations

import time
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


def test_a_watched_run_is_followed_to_its_end_though_another_one_begins(
    facts: Facts, tmp_path: Path
) -> None:
    """It ends and the next one starts between two looks: the page stays the first one's."""
    store, target = tmp_path / "tune.sqlite", tmp_path / "page.html"
    decisions = facts.record.decisions
    with EvaluationStore(store) as writer:
        writer.add_run(Run("first", 1e6, facts.record.run.config))
        writer.add_decision("first", 0, decisions[0])

        def more(_seconds: float) -> None:
            assert not writer.decisions("next")
            for number, one in enumerate(decisions[1:], 1):
                writer.add_decision("first", number, one)
            writer.add_run(Run("next", 2e6, facts.record.run.config))
            writer.add_decision("next", 0, decisions[0])

        record = follow(request(store, target), sleep=more, clock=lambda: 0.0)
    assert (record.run.id, record.is_finished) == ("first", True)
    assert 'http-equiv="refresh"' not in target.read_text().split("<style>")[0]


@pytest.mark.parametrize("is_starting", [True, False], ids=["just now", "long ago"])
def test_a_run_that_is_starting_is_waited_for(
    facts: Facts, tmp_path: Path, *, is_starting: bool
) -> None:
    """Rather than showing the one before; unless it should have begun long ago."""
    store, target = tmp_path / "tune.sqlite", tmp_path / "page.html"
    with EvaluationStore(store) as writer:
        writer.add_run(Run("before", 1e6, facts.record.run.config))
        for number, one in enumerate(facts.record.decisions):
            writer.add_decision("before", number, one)
        started_at = time.time() if is_starting else 2e6
        writer.add_run(Run("starting", started_at, facts.record.run.config))

        def more(_seconds: float) -> None:
            assert not target.exists()
            for number, one in enumerate(facts.record.decisions):
                writer.add_decision("starting", number, one)

        record = follow(request(store, target), sleep=more, clock=lambda: 0.0)
    assert record.run.id == ("starting" if is_starting else "before")


@pytest.mark.parametrize("typed", [".", "file/page.html"])
def test_a_place_where_no_page_can_be_is_an_error_with_a_remedy(
    toy_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """A folder, or below a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StoreError, match="Give another --html"):
        write_page(request(toy_store, Path(typed)))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
