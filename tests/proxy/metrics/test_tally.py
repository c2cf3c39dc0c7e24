"""Two numbers that outlive their process."""

from __future__ import annotations

import os
from mmap import PAGESIZE, mmap

from proxy.metrics.tally import Tally


def test_counts_requests_and_answers_apart() -> None:
    """Some requests give no answer, some several."""
    tally = Tally()
    tally.request_ended()
    tally.answers_taken(3)
    tally.answers_taken(1)
    assert (tally.requests, tally.answers) == (1, 4)


def test_survives_its_process() -> None:
    """Which had no time to say anything."""
    memory = mmap(-1, PAGESIZE)
    child = os.fork()
    if not child:
        Tally(memory).answers_taken(7)
        os._exit(0)
    os.waitpid(child, 0)
    tally = Tally(memory)
    assert tally.answers == 7
    tally.release()
    memory.close()
