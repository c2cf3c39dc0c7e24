"""The line that people watch."""

from __future__ import annotations

import io

from proxy.domain import Usage
from proxy.evaluation.plan import Plan
from proxy.evaluation.progress import Progress
from proxy.evaluation.run import Answer

ANSWER = Answer("x", usage=Usage(5, 10))


class Terminal(io.StringIO):
    """Claims to be one."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Scene:
    """A progress line and the clock it sees."""

    def __init__(self, stream: io.StringIO, *, answers: int = 200) -> None:
        self.now = 0.0
        self.stream = stream
        self.progress = Progress(stream, Plan(answers, 0, answers * 64, 0), clock=lambda: self.now)

    def answers(self, count: int, *, every_s: float = 0.1) -> None:
        """Answers come in, and are judged."""
        for _ in range(count):
            self.now += every_s
            self.progress.notify("answered", ANSWER)
            self.progress.notify("judged", ANSWER)


def test_the_line_shows_how_the_run_stands() -> None:
    """A bar, counts, speed and time left."""
    scene = Scene(Terminal())
    scene.answers(50)
    assert scene.progress.line() == (
        "[#####...............] 50/200 answers | 50 judged | 100 tokens/s | about 0:15 left"
    )


def test_what_goes_wrong_is_in_the_line() -> None:
    """Failed answers, and answers that the judge could not decide."""
    scene = Scene(Terminal())
    scene.progress.notify("failed", Answer("", error="timeout"))
    scene.progress.notify("unscored", ANSWER)
    assert "1/200 answers | 1 judged | 1 unscored | 1 failed" in scene.progress.line()


def test_the_forecast_comes_once_the_speed_is_known() -> None:
    """Once, with a range of speeds: the start is slower than what follows."""
    scene = Scene(io.StringIO())
    scene.answers(32, every_s=0.2)
    scene.answers(88, every_s=0.1)
    said = scene.stream.getvalue()
    expected = "At 67 to 100 tokens/s the other 136 answers will take about 0.2 to 0.3 min"
    assert said.count("will take") == said.count(expected) == 1


def test_a_terminal_gets_one_line_rewritten() -> None:
    """No scrolling, and it is gone at the end."""
    scene = Scene(Terminal())
    scene.answers(40, every_s=0.5)
    scene.progress.close()
    assert scene.stream.getvalue().count("\n") == 0
    assert scene.stream.getvalue().endswith("\r\x1b[2K")


def test_a_file_gets_plain_lines_now_and_then() -> None:
    """No control characters in a log, and not a line an answer."""
    scene = Scene(io.StringIO())
    scene.answers(60, every_s=1.0)
    said = scene.stream.getvalue()
    assert "\r" not in said
    assert "\x1b" not in said
    assert said.count("\n") == 4


def test_nothing_to_do_is_no_division_by_zero() -> None:
    """All answers are stored."""
    assert "0/0 answers" in Scene(Terminal(), answers=0).progress.line()
