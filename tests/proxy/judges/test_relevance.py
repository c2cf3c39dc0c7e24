"""Relevance: with an encoder, by words alone, and without the echoes."""

from __future__ import annotations

import importlib
import threading

import numpy as np
import pytest

from proxy.judges import relevance
from proxy.judges.relevance import Calibration, Relevance, without_echo, word_overlap

CALIBRATION = Calibration(
    bias=-4.0, cosine=10.0, overlap=2.0, lexical_bias=-2.0, lexical_overlap=6.0
)


class TopicEncoder:
    """Embeds by topic: bread along one axis, chess along the other."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._busy = threading.Lock()

    def encode(self, texts: list[str]) -> relevance.Vector:
        """Unit vectors; two calls at once are an error."""
        assert self._busy.acquire(blocking=False)
        self.calls += texts
        rows = [[1.0, 0.0] if "bread" in text.lower() else [0.0, 1.0] for text in texts]
        vectors = np.array(rows, dtype=np.float32)
        self._busy.release()
        unit: relevance.Vector = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


PROMPT = "How do I bake bread?"
BREAD = "Mix flour and water, wait an hour, then use a hot oven until the bread is brown."
CHESS = "The knight moves in an L shape and may jump over other pieces."


def test_score_with_encoder_tells_topics_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer on another topic is irrelevant."""
    monkeypatch.setattr(relevance, "ECHO_COSINE", 1.1)  # the fake has only two directions
    judge = Relevance(TopicEncoder(), CALIBRATION)
    assert judge.score(PROMPT, BREAD) > 0.9
    assert judge.score(PROMPT, CHESS) < 0.5
    assert not judge.is_lexical


def test_score_closer_than_any_answer_is_an_echo() -> None:
    """Cosine above .95: the request in other words."""
    assert Relevance(TopicEncoder(), CALIBRATION).score(PROMPT, BREAD) == 0.0


def test_score_by_words_alone() -> None:
    """Without the encoder the shared words decide."""
    judge = Relevance(None, CALIBRATION)
    assert judge.is_lexical
    assert judge.score(PROMPT, "To bake it, heat the oven; bread needs flour.") > 0.9
    assert judge.score(PROMPT, CHESS) < 0.2


def test_prompt_is_embedded_once() -> None:
    """Suite prompts come back for every candidate; their embedding is remembered."""
    encoder = TopicEncoder()
    judge = Relevance(encoder, CALIBRATION)
    judge.score(PROMPT, CHESS)
    judge.score(PROMPT, BREAD)
    assert encoder.calls.count(PROMPT) == 1


def test_score_from_many_threads_uses_the_encoder_one_at_a_time() -> None:
    """The lock guards the encoder; the fake fails when it is entered twice."""
    judge = Relevance(TopicEncoder(), CALIBRATION)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(50):
                judge.score(f"{PROMPT} {number}", CHESS)
        except BaseException as error:  # noqa: BLE001 - reported by the main thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_echoed_sentences_do_not_count() -> None:
    """Repeating the request is not answering it."""
    assert without_echo(PROMPT, "How do I bake bread? How do I bake bread?") == ""
    assert without_echo(PROMPT, f"How do I bake bread? {BREAD}") == BREAD
    assert Relevance(None, CALIBRATION).score(PROMPT, PROMPT) == 0.0


def test_word_overlap_is_the_share_of_the_requests_words() -> None:
    """Plural and singular meet; grammar does not count."""
    assert word_overlap("Explain chess openings", "A chess opening is a plan") == pytest.approx(
        2 / 3
    )
    assert word_overlap("", "anything") == 0.0


def test_shipped_weights_rise_with_likeness() -> None:
    """More alike is more relevant, and no likeness at all is not relevant."""
    weights = relevance.load_calibration()
    assert weights.cosine > 0
    assert weights.overlap > 0
    assert weights.lexical_overlap > 0
    assert weights.bias < -1
    assert weights.lexical_bias < -1


def test_missing_encoder_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, the caller falls back."""

    def fail(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    assert relevance.load_encoder() is None


def test_whether_an_encoder_is_installed_is_known_without_loading_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its import name alone."""
    monkeypatch.setattr(relevance, "_ENCODER", "no_such_package")
    assert not relevance.is_encoder_installed()
    monkeypatch.setattr(relevance, "_ENCODER", "json")
    assert relevance.is_encoder_installed()
