"""A judge's model is what it is, not what it is called."""

from __future__ import annotations

import asyncio

import pytest

from proxy.judges.asked_model import AskedModel, untagged
from tests.judge_model import CannedModel, said


def _model() -> CannedModel:
    return CannedModel(lambda _: said("safe"))


def test_tag_is_known_once_started() -> None:
    """A file's hash is taken when it is loaded; until then the id is a prefix of the later one."""
    model = AskedModel(_model(), lambda: "9f2a1c77b021")
    assert model.tag == ""
    asyncio.run(model.start())
    assert model.tag == ".9f2a1c"


def test_without_an_identity_the_name_has_to_do() -> None:
    """A backend made by hand, say."""
    model = AskedModel(_model())
    asyncio.run(model.start())
    assert model.tag == ""


def test_model_that_cannot_be_identified_is_closed_again() -> None:
    """Its file vanished behind it, say; nothing stays loaded."""

    def vanished() -> str:
        raise FileNotFoundError

    backend = _model()
    with pytest.raises(FileNotFoundError):
        asyncio.run(AskedModel(backend, vanished).start())
    assert backend.states == ["start", "close"]


def test_untagged_is_the_id_before_the_start() -> None:
    """Of one judge and of several; other judges' hashes stay."""
    started = "cascade(embedded-3@1dc892 → llama_guard_3-1/g@0a1b2c.9f2a1c; [0.2, 0.8))"
    assert untagged(started) == "cascade(embedded-3@1dc892 → llama_guard_3-1/g@0a1b2c; [0.2, 0.8))"
    assert untagged("embedded-3@1dc892+lexical") == "embedded-3@1dc892+lexical"
