"""What a run will take is known early, and is so."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
from pathlib import Path

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from proxy.evaluation.store import EvaluationStore
from tests.tuner.conftest import OpenSession
from tests.tuner.toy import PRESET, respond
from tuner.outlook import Outlook, Spent, about
from tuner.presets import PRESETS, Rung
from tuner.record import Record
from tuner.session import Session, run_session
from tuner.speed import Speed

PACED = dataclasses.replace(
    PRESET, generations=5, first=(Rung(4, 2), Rung(8, 6)), second=(Rung(10, 8), Rung(24, 20)),
    search_s=300.0, total_s=500.0,
)  # fmt: skip
TOY = Rung(40, 40)
LARGE = Rung(195, 121)


class Run:
    """A finished toy run by a clock of its own, in which each answer takes so long.

    Args:
        path: of a store, which may hold answers.
        open_session: makes the session.
        answer_s: seconds of an answer.
        changes: to the run's configuration.
    """

    def __init__(
        self, path: Path, open_session: OpenSession, answer_s: float, **changes: object
    ) -> None:
        self._answer_s = answer_s
        self.seconds = 0.0
        stream = io.StringIO()
        with EvaluationStore(path) as store:
            backend = ScriptedBackend(ScriptedConfig(name="toy"), responder=self._slowly)
            session: Session = open_session(
                store, preset=PACED, backend=backend, stream=stream, clock=lambda: self.seconds
            )
            config = dataclasses.replace(session.config, **changes)  # type: ignore[arg-type]  # any
            asyncio.run(run_session(dataclasses.replace(session, config=config)))
            record = Record.load(store, "r")
            self.tokens = store.count_answers()  # an answer of the toy is one
        self.said = stream.getvalue()
        self.candidates = sum(
            len(one.body["candidates"]) for one in record.decisions if one.kind == "generation"
        )

    def _slowly(self, request: ChatRequest) -> ScriptedRule:
        self.seconds += self._answer_s
        return respond(request)


@pytest.mark.parametrize(
    ("answer_s", "tokens", "algorithm"),
    [
        pytest.param(0.1, None, "paired-race", id="fast"),
        pytest.param(0.3, None, "paired-race", id="as-planned"),
        pytest.param(1.0, None, "paired-race", id="slow"),
        pytest.param(0.3, 3000, "paired-race", id="few-tokens"),
        pytest.param(0.3, None, "nsga2", id="no-race"),
        pytest.param(0.3, 3000, "nsga2", id="no-race-few-tokens"),
    ],
)
def test_from_generation_two_on_everything_is_right_to_a_fifth(
    tmp_path: Path,
    open_session: OpenSession,
    answer_s: float,
    tokens: int | None,
    algorithm: str,
) -> None:
    """Whether the run has time left over, fits its prompts to it, or cannot keep to it."""
    run = Run(tmp_path / "s.sqlite", open_session, answer_s, tokens=tokens, algorithm=algorithm)
    said = re.findall(
        r"the run takes about ([\d.]+) minutes, (\d+) candidates, ([\d,]+) answers and ([\d,]+) "
        r"tokens", run.said,
    )  # fmt: skip
    assert len(said) == 2
    minutes, candidates, answers, used = (float(one.replace(",", "")) for one in said[-1])
    assert minutes == pytest.approx(run.seconds / 60, rel=0.2)
    assert candidates == pytest.approx(run.candidates, rel=0.2)
    assert answers == used == pytest.approx(run.tokens, rel=0.2)


def test_without_a_race_all_answer_the_same_sample() -> None:
    """By hand: 26 candidates of 28 prompts, five that qualify, three finalists, and a test."""
    outlook = Outlook(PRESET, races=False, tokens=None, search=TOY, validation=TOY, test=TOY)
    end = outlook.at_end(0, Spent(), Speed(2.0, 7.0))
    answers = 26 * 28 + 6 * 34 + 4 * 60 + 2 * 80
    assert end[1:] == (26, answers, 7 * answers)
    assert 26 * 28 / 2 < end.seconds < answers / 2
    assert outlook.at_most()[1:] == (26, answers, 16 * answers)


def test_at_most_everybody_stays_and_everything_is_as_long_as_may_be() -> None:
    """By hand: two rungs of fourteen, and further ones for the best and the baseline."""
    outlook = Outlook(PRESET, races=True, tokens=None, search=TOY, validation=TOY, test=TOY)
    answers = 14 + 26 * 28 + 4 * 3 * 14 + 6 * 34 + 4 * 60 + 2 * 80
    assert outlook.at_most()[1:] == (26, answers, 16 * answers)


def test_what_a_split_does_not_have_takes_no_time() -> None:
    """The built-in suite is smaller than the standard preset's test."""
    small, large = Rung(84, 96), Rung(500, 500)
    ends = [
        Outlook(PRESETS["standard"], True, None, search=large, validation=large, test=test)
        .at_end(0, Spent(), Speed(9, 1)).seconds
        for test in (small, large)
    ]  # fmt: skip
    assert ends[0] < ends[1]


STANDARD = Outlook(
    dataclasses.replace(
        PRESETS["standard"], offspring=20, generations=14, qualifiers=0, finalists=6,
        search_s=2940.0, total_s=4200.0,
    ), True, None,
    search=LARGE, validation=Rung(196, 123), test=Rung(195, 123),
)  # fmt: skip
REAL = Spent(4216, 164, 5138, 349_000)
"""A run of the preset of then, SmolLM2 on two cores, seed 11; its store had 84 tokens/s."""


def test_a_real_run_is_within_what_is_expected_before_its_start() -> None:
    """In each figure; and the most is far beyond it."""
    low, high = STANDARD.expected(Speed(84 / 68, 68))
    assert all(least <= real <= most for least, real, most in zip(low, REAL, high, strict=True))
    assert high.seconds < 1.25 * STANDARD.preset.total_s
    most = STANDARD.at_most()
    assert all(known <= bound for known, bound in zip(high[1:], most[1:], strict=True))


def test_a_real_run_is_foreseen_before_its_second_generation() -> None:
    """By what it had measured then: 1,046 seconds, 44 candidates."""
    so_far = Spent(1046, 44, 1048, 69_999)
    end = STANDARD.at_end(2, so_far, Speed((1048 - 562) / (1046 - 648), 69_999 / 1048))
    assert end == pytest.approx(REAL, rel=0.2)


@pytest.mark.parametrize(
    "capped",
    [dataclasses.replace(STANDARD, tokens=60_000, races=races) for races in (True, False)],
    ids=["race", "no-race"],
)
def test_a_limit_on_tokens_ends_the_search_and_not_what_comes_after(capped: Outlook) -> None:
    """It is in what is expected, and in the most; validation and test come on top."""
    finals = capped.finals_at_most
    assert finals == (7 * 319 + 2 * 318) * 96
    assert capped.at_most().tokens == 60_000 + finals
    speed = Speed(84 / 68, 68)
    low, high = capped.expected(speed)
    assert high.candidates < 50
    assert low.seconds < 0.6 * STANDARD.expected(speed)[0].seconds
    assert 1 < capped.candidates_of_long_answers <= low.candidates < high.candidates
    assert high.tokens <= 60_000 + finals


def test_three_digits_are_said() -> None:
    """More would promise too much."""
    assert [about(number) for number in (7.0, 349_217.5, 1_234.0)] == ["7", "349,000", "1,230"]
