"""One line that is rewritten, or one line now and then."""

from __future__ import annotations

import io

from proxy.evaluation.status_line import StatusLine


class Terminal(io.StringIO):
    """Claims to be one."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def shown(stream: io.StringIO, *, every_s: float, times: int) -> str:
    """What is on the stream after a line was shown so many times."""
    now = 0.0
    line = StatusLine(stream, lambda: f"at {now:g}", clock=lambda: now)
    for _ in range(times):
        now += every_s
        line.show()
    return stream.getvalue()


def test_a_terminal_gets_one_line_rewritten() -> None:
    """Not oftener than people can read it."""
    assert shown(Terminal(), every_s=0.125, times=4) == "\r\x1b[2Kat 0.25\r\x1b[2Kat 0.5"


def test_a_file_gets_a_line_now_and_then() -> None:
    """Every fifteen seconds."""
    assert shown(io.StringIO(), every_s=5.0, times=7) == "at 15\nat 30\n"


def test_what_is_said_stands_above_the_line() -> None:
    """And closing leaves nothing behind."""
    stream = Terminal()
    line = StatusLine(stream, lambda: "working", clock=lambda: 0.0)
    line.show(force=True)
    line.say("a message\n")
    line.show(force=True)
    line.close()
    assert stream.getvalue() == ("\r\x1b[2Kworking\r\x1b[2Ka message\n\r\x1b[2Kworking\r\x1b[2K")
