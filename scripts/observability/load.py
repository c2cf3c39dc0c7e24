"""A small load in which everything happens that the dashboards can show."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from scripts.observability.stage import ABSENT, COVERED, FAKE, REMOTE

PAUSE_S = 0.05
_PATIENCE_S = 20.0
_HASTE_S = 0.3
_CROWD = 6
"""Requests at once that the proxy of `stage` has no room for: four in flight, none may wait."""


@contextmanager
def load(port: int, models: Sequence[str]) -> Iterator[None]:
    """Ask the models in turn, plainly and in every odd way, until the block is left."""
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(port, models, stop), name="load")
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _work(port: int, models: Sequence[str], stop: threading.Event) -> None:
    for turn in itertools.count():
        for body in _bodies(models, turn):
            if stop.wait(PAUSE_S):
                return
            _ask(port, body, within_s=_PATIENCE_S)
        _crowd(port)


def _bodies(models: Sequence[str], turn: int) -> Iterator[dict[str, Any]]:
    """One round of requests; each is another conversation, so that the seeds differ."""
    for model in models:
        if model not in REMOTE:
            yield _chat(model, f"Good day number {turn}.", stream=True)
            yield _chat(model, f"Good evening number {turn}.")
    yield _chat(FAKE, f"Two answers, number {turn}.", n=2)
    yield _chat(FAKE, "break off midway", stream=True)
    yield _chat(ABSENT, "Is anybody there?")
    yield _chat(COVERED, "Is anybody there for you?")
    yield _chat("unheard-of", "Who are you?")


def _crowd(port: int) -> None:
    """Come all at once, wait for ever, and leave soon: some are turned away, the others cancel."""
    body = _chat(FAKE, "hang on")
    crowd = [
        threading.Thread(target=_ask, args=(port, body), kwargs={"within_s": _HASTE_S})
        for _ in range(_CROWD)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()


def _chat(model: str, text: str, **more: object) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 8,
        "seed": sum(text.encode()),
        **more,
    }


def _ask(port: int, body: dict[str, Any], *, within_s: float) -> None:
    """Send one request and read the answer, whatever it is; leave when it takes too long."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_s)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body).encode())
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass  # what the client sees of a fault is no matter here
    finally:
        connection.close()
