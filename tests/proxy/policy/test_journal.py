"""The journal through crashes, other writers, and hands that edit it."""

from __future__ import annotations

import fcntl
import os
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from proxy.errors import PolicyError
from proxy.policy.journal import Journal
from proxy.policy.rollout import Entry
from proxy.policy.schema import Policy
from tests.proxy.policy.rollout_steps import figures, step

POLICY = Policy.model_validate({"schema": 1, "name": "a"})
OTHER = Policy.model_validate({"schema": 1, "name": "b"})
COMPACT_AT = 10
"""Instead of a hundred: each line waits for the disk."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is; it does not exist yet."""
    return tmp_path / ".rollout.jsonl"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.policy.journal.COMPACT_AT", COMPACT_AT)


def _steps(journal: Journal) -> list[Entry]:
    return list(journal.read().entries)


def test_missing_file_has_no_steps_and_no_problem(path: Path) -> None:
    """Most folders never have a canary."""
    reading = Journal(path).read()
    assert reading.entries == ()
    assert reading.problems == ()


def test_steps_survive_a_restart_in_their_order(path: Path) -> None:
    """Also where the clock was set back in between: the file's order is what happened."""
    steps = [step("promote", POLICY, minute=5), step("rollback", POLICY, minute=1)]
    for entry in steps:
        Journal(path).append(entry)
    assert _steps(Journal(path)) == steps


def test_decisions_are_only_ever_added(path: Path) -> None:
    """An audit log: what was written stays as it was."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    before = path.read_bytes()
    journal.append(step("rollback", POLICY, minute=1))
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_torn_last_line_does_not_count_and_the_next_replaces_it(path: Path, cut: int) -> None:
    """A crash in the middle of a write."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    whole = path.read_bytes()
    journal.append(step("rollback", POLICY, minute=1))
    os.truncate(path, len(whole) + cut)
    again = Journal(path)
    assert [entry.step for entry in _steps(again)] == ["promote"]
    assert again.read().problems == ()
    again.append(step("rollback", POLICY, minute=2))
    assert [entry.step for entry in _steps(again)] == ["promote", "rollback"]
    assert again.read().problems == ()


def test_broken_line_is_told_with_its_number_and_the_others_count(path: Path) -> None:
    """A hand that edits, a disk that errs."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    with path.open("ab") as file:
        file.write(b'{"step": "promote"}\n\xff\xfe\n')
    journal.append(step("rollback", POLICY, minute=1))
    reading = Journal(path).read()
    assert [entry.step for entry in reading.entries] == ["promote", "rollback"]
    assert [(item.file, item.line) for item in reading.problems] == [(str(path), 2), (str(path), 3)]
    assert "Mend the line" in str(reading.problems[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"over_refusal"', '"refusal"'),
        ('"neither":40', '"neither":-40'),
        ('"lower":-0.1', '"lower":-7.0'),
        ('"step":"hold"', '"step":"pause"'),
        ("00Z", "00"),
    ],
    ids=["one rate", "a negative count", "no share", "unknown step", "no time zone"],
)
def test_line_from_which_nothing_can_be_concluded_is_broken(path: Path, old: str, new: str) -> None:
    """Readers may rely on what they get."""
    both = {"harmful": figures(), "over_refusal": figures()}
    Journal(path).append(msgspec.structs.replace(step("hold", POLICY), figures=both))
    assert len(_steps(Journal(path))) == 1
    path.write_text(path.read_text().replace(old, new))
    reading = Journal(path).read()
    assert reading.entries == ()
    assert reading.problems[0].line == 1


def test_step_whose_line_breaks_goes_on_holding(path: Path) -> None:
    """Until a restart: a rollback is not undone by a broken disk."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    journal.append(step("rollback", POLICY, minute=1))
    assert len(_steps(journal)) == 2
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"garbage\n")
    assert [entry.step for entry in _steps(journal)] == ["promote", "rollback"]
    journal.append(step("promote", POLICY, minute=2))
    assert [entry.step for entry in _steps(journal)][-1] == "promote"


def test_steps_of_a_vanished_file_go_on_holding(path: Path) -> None:
    """An unmounted folder does not bring back what was rolled back."""
    journal = Journal(path)
    journal.append(step("rollback", POLICY))
    before = journal.read()
    path.unlink()
    reading = journal.read()
    assert reading.entries == before.entries
    assert reading.digest != before.digest
    assert "has vanished" in str(reading.problems[0])
    assert journal.read() == reading
    journal.append(step("retry", POLICY, minute=1))
    assert [entry.step for entry in _steps(journal)] == ["rollback", "retry"]
    assert journal.read().problems == ()
    assert _steps(Journal(path)) == _steps(journal)


def test_file_that_is_begun_anew_before_anybody_noticed_begins_with_what_was_read(
    path: Path,
) -> None:
    """The next look at another canary must not be all that the journal knows."""
    journal = Journal(path)
    journal.append(step("rollback", POLICY))
    journal.read()
    path.unlink()
    journal.append(step("hold", OTHER, minute=1))
    assert [entry.step for entry in _steps(journal)] == ["rollback", "hold"]
    assert _steps(Journal(path)) == _steps(journal)


def test_steps_go_on_holding_beside_those_of_a_file_that_another_began_anew(path: Path) -> None:
    """A command knows nothing of what vanished; that is told until it is all there again."""
    journal = Journal(path)
    journal.append(step("rollback", POLICY))
    journal.append(step("promote", OTHER))
    journal.read()
    old = path.read_bytes()
    path.unlink()
    journal.read()
    Journal(path).append(step("rollback", OTHER, minute=1))
    reading = journal.read()
    assert [entry.step for entry in reading.entries] == ["rollback", "promote", "rollback"]
    assert "is without 2 of the steps" in str(reading.problems[0])
    assert journal.read() is reading
    journal.append(step("hold", OTHER, minute=2))
    assert len(journal.read().problems) == 1
    path.write_bytes(old + path.read_bytes())
    assert journal.read().problems == ()
    assert [entry.step for entry in _steps(journal)] == ["rollback", "promote", "rollback", "hold"]


def test_looks_that_were_replaced_are_not_missed_in_a_file_that_came_back(path: Path) -> None:
    """Another writer may have made it shorter meanwhile."""
    journal = Journal(path)
    journal.append(step("rollback", OTHER))
    _fill(journal, 3)
    journal.read()
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    journal.read()
    path.write_bytes(lines[0] + lines[-1])
    assert journal.read().problems == ()
    assert len(_steps(journal)) == 2


def test_steps_of_an_emptied_file_go_on_holding(path: Path) -> None:
    """As a file that vanished: a writer who begins it anew opens it before he writes."""
    journal = Journal(path)
    journal.append(step("rollback", POLICY))
    journal.read()
    path.write_bytes(b"")
    reading = journal.read()
    assert [entry.step for entry in reading.entries] == ["rollback"]
    assert "is without 1 of the steps" in str(reading.problems[0])


def test_last_step_without_a_line_end_counts_and_the_next_stands_below_it(path: Path) -> None:
    """Whoever takes out the line after it easily takes the line end along."""
    journal = Journal(path)
    journal.append(step("rollback", POLICY))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert [entry.step for entry in _steps(Journal(path))] == ["rollback"]
    Journal(path).append(step("retry", POLICY, minute=1))
    reading = Journal(path).read()
    assert [entry.step for entry in reading.entries] == ["rollback", "retry"]
    assert reading.problems == ()


def test_broken_line_does_not_turn_steps_round_where_the_clock_was_set_back(path: Path) -> None:
    """The file's order is what happened, whatever its times say."""
    journal = Journal(path)
    journal.append(step("promote", POLICY, minute=5))
    journal.append(step("rollback", POLICY, minute=1))
    with path.open("ab") as file:
        file.write(b"garbage\n")
    for reader in (journal, Journal(path)):
        assert [entry.step for entry in _steps(reader)] == ["promote", "rollback"]


def test_unreadable_file_is_a_problem_and_no_crash(path: Path) -> None:
    """A folder of that name, say."""
    path.mkdir()
    reading = Journal(path).read()
    assert reading.entries == ()
    assert "cannot be read" in str(reading.problems[0])


def test_unwritable_place_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """And nothing is half decided."""
    journal = Journal(tmp_path / "missing" / "journal.jsonl")
    with pytest.raises(PolicyError, match=r"no such file.*rollout\.journal"):
        journal.append(step("promote", POLICY))
    assert journal.read().entries == ()


def test_full_disk_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be made safe is taken back."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("proxy.policy.journal.os.fsync", full)
    with pytest.raises(PolicyError, match="no space left"):
        journal.append(step("rollback", POLICY, minute=1))
    assert path.read_bytes() == before


def test_writers_never_mix_their_lines(path: Path) -> None:
    """The server, a person, and another worker."""

    def write(minute: int) -> None:
        for _ in range(20):
            Journal(path).append(step("hold", POLICY, minute=minute))

    threads = [threading.Thread(target=write, args=(minute,)) for minute in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_bytes().splitlines()
    assert len([msgspec.json.decode(line, type=Entry) for line in lines]) == 80


def _look(number: int, policy: Policy = POLICY) -> Entry:
    both = {"harmful": figures(), "over_refusal": figures()}
    return msgspec.structs.replace(
        step("hold", policy), figures=both, model="m", old="base@1", round=number, rounds=number
    )


def _fill(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.append(_look(number))


def test_looks_that_were_replaced_leave_and_decisions_stay(path: Path) -> None:
    """Years of an undecided canary fit into a few lines; who decided what is there for ever."""
    journal = Journal(path)
    decisions = [step("promote", POLICY), step("retry", POLICY, minute=1)]
    journal.append(decisions[0])
    _fill(journal, 3)
    journal.append(decisions[1])
    _fill(journal, 5 * COMPACT_AT)
    entries = Journal(path).read().entries
    assert len(entries) <= COMPACT_AT + len(decisions) + 1
    assert [entry for entry in entries if entry.step != "hold"] == decisions
    assert entries[-1] == _look(5 * COMPACT_AT - 1)
    assert {item.name for item in path.parent.iterdir()} == {path.name}


def test_shorter_journal_keeps_lines_that_cannot_be_read_its_mode_and_its_readers(
    path: Path,
) -> None:
    """What a hand or a disk broke is for people to mend."""
    journal, reader = Journal(path), Journal(path)
    path.write_bytes(b"garbage\n")
    path.chmod(0o640)
    _fill(journal, COMPACT_AT)
    assert reader.read().entries[-1] == _look(COMPACT_AT - 1)
    journal.append(_look(COMPACT_AT))
    assert path.read_bytes().startswith(b"garbage\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert reader.read().entries[-1] == _look(COMPACT_AT)


def test_journal_that_cannot_be_made_shorter_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file that is mounted by itself, where none can be put in its place."""

    def refuse(_path: Path, _target: Path) -> Path:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", refuse)
    journal = Journal(path)
    _fill(journal, COMPACT_AT + 3)
    assert len(_steps(journal)) == COMPACT_AT + 3
    assert {item.name for item in path.parent.iterdir()} == {path.name}


def test_writer_that_waited_while_the_file_was_replaced_writes_into_the_new_one(
    path: Path,
) -> None:
    """Several writers, each of which makes it shorter now and then: no step is lost."""

    def write(name: str) -> None:
        policy = Policy.model_validate({"schema": 1, "name": name})
        for number in range(2 * COMPACT_AT):
            Journal(path, lock_within_s=60).append(_look(number, policy))
        Journal(path, lock_within_s=60).append(step("rollback", policy))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = Journal(path).read().entries
    for name in ("a", "b", "c"):
        last_look, decision = [entry for entry in entries if entry.policy == name][-2:]
        assert (last_look.round, decision.step) == (2 * COMPACT_AT - 1, "rollback")


def test_lock_that_is_never_given_back_is_not_waited_for_for_ever(path: Path) -> None:
    """A process that was stopped, or a mount that keeps a dead machine's locks."""
    journal = Journal(path, lock_within_s=0.01)
    journal.append(step("promote", POLICY))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(PolicyError, match="another process keeps it locked"):
            journal.append(step("rollback", POLICY, minute=1))
    assert [entry.step for entry in _steps(journal)] == ["promote"]
    journal.append(step("rollback", POLICY, minute=1))


def test_step_that_another_has_overtaken_is_not_written(path: Path) -> None:
    """Whoever waited for the disk asks again under the lock, where no further step can come."""
    journal = Journal(path)
    assert journal.append(step("hold", POLICY))
    known = len(_steps(journal))
    Journal(path).append(step("rollback", POLICY, minute=1))
    before = path.read_bytes()
    late = step("promote", POLICY, minute=2, who="auto")
    assert not journal.append(late, unless=lambda steps: len(steps) > known)
    assert path.read_bytes() == before
    assert journal.append(late, unless=lambda steps: len(steps) > known + 1)
    assert _steps(journal)[-1] == late


def test_whether_a_step_is_overtaken_is_asked_while_others_wait(path: Path) -> None:
    """Between the answer and the line there is no room for another's."""

    def is_overtaken(_steps: Sequence[Entry]) -> bool:
        with pytest.raises(PolicyError, match="another process keeps it locked"):
            Journal(path, lock_within_s=0.01).append(step("rollback", POLICY))
        return False

    assert Journal(path).append(step("promote", POLICY), unless=is_overtaken)
    assert [entry.step for entry in _steps(Journal(path))] == ["promote"]


def test_what_was_read_last_is_known_without_a_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop may ask for it."""
    journal = Journal(path)
    assert journal.known.entries == ()
    journal.append(step("promote", POLICY))
    reading = journal.read()
    monkeypatch.setattr(Path, "stat", None)
    assert journal.known is reading


def test_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for once a second."""
    journal = Journal(path)
    journal.append(step("promote", POLICY))
    first = journal.read()

    def refuse(_path: Path) -> bytes:
        raise AssertionError("it was read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert journal.read() is first


def test_whatever_happens_to_the_file_is_a_problem_at_most(path: Path) -> None:
    """Bytes flipped, cut out and put in: reading never raises, and a step can always be added."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    Journal(path).append(step("promote", POLICY))
    Journal(path).append(step("hold", POLICY, minute=1))
    whole = path.read_bytes()
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(content))
            content[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        path.write_bytes(content)
        journal = Journal(path)
        journal.read()
        last = step("rollback", POLICY, minute=2)
        journal.append(last)
        assert last in journal.read().entries, f"seed {seed}"
