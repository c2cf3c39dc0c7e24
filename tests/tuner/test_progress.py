"""The line that people watch."""

from __future__ import annotations

import io
from dataclasses import replace

from proxy.domain import Usage
from proxy.evaluation.statistics import Rate
from tests.tuner.judged import judged
from tuner.progress import Progress


class Terminal(io.StringIO):
    """Claims to be one."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Scene:
    """A progress line and the clock it sees."""

    def __init__(self, stream: io.StringIO) -> None:
        self.now = 0.0
        self.stream = stream
        self.progress = Progress(
            stream, generations=5, total_s=540.0, elapsed_s=lambda: self.now,
            clock=lambda: self.now,
        )  # fmt: skip

    def answers(self, count: int, *, every_s: float, tokens: int) -> None:
        """Answers come in."""
        one = judged(1)
        one = replace(one, answer=replace(one.answer, usage=Usage(1, tokens)))
        for _ in range(count):
            self.now += every_s
            self.progress.answered(one)


def test_the_line_shows_how_the_run_stands() -> None:
    """Generation, candidates, best rate with n and its label, speed and time left."""
    scene = Scene(Terminal())
    scene.progress.generation(2, 30)
    scene.progress.best(Rate(3, 24))
    scene.answers(40, every_s=0.5, tokens=64)
    assert scene.progress.line() == (
        "generation 2/5, 30 candidates | best harmful 3/24 (search split, for ranking only) | "
        "40 answers | 128 tokens/s | about 8:40 left"
    )


def test_a_terminal_gets_one_line_rewritten() -> None:
    """No scrolling."""
    scene = Scene(Terminal())
    scene.progress.phase("starting")
    scene.answers(20, every_s=0.5, tokens=64)
    scene.progress.say("a message")
    scene.progress.close()
    shown = scene.stream.getvalue()
    assert shown.count("\n") == 1
    assert shown.endswith("\r\x1b[2K")


def test_a_file_gets_plain_lines_now_and_then() -> None:
    """No control characters in a log, and not a line an answer."""
    scene = Scene(io.StringIO())
    scene.answers(100, every_s=0.5, tokens=64)
    shown = scene.stream.getvalue()
    assert "\r" not in shown
    assert "\x1b" not in shown
    assert 1 <= shown.count("\n") <= 4


def test_time_left_never_falls_below_zero() -> None:
    """A late run is not early."""
    scene = Scene(Terminal())
    scene.now = 900.0
    assert scene.progress.line().endswith("about 0:00 left")


def test_a_judge_that_is_down_is_told_of_once() -> None:
    """After 32 answers in a row; one that was scored in between is no outage."""
    scene = Scene(io.StringIO())
    silent, scored = judged(1, unscored=True), judged(1)
    for one in [silent] * 31 + [scored] + [silent] * 40:
        scene.progress.answered(one)
    assert scene.stream.getvalue().count("32 answers in a row unscored") == 1
    assert "the run stops then, and `guardtune tune resume` goes on" in scene.stream.getvalue()
