"""What a first token says of a policy's demonstrations."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tuner import openings
from benchmarks.tuner.openings import Opening, Telling
from proxy.domain import Capabilities, ChatRequest
from proxy.errors import JudgeError, SuiteError
from proxy.suites.loaders import load_suites
from tests.judge_model import CannedModel
from tuner.genome import Genome
from tuner.space import load_space

SPACE = """
schema: 1
demonstrations:
  - {id: decline, kind: safe, user: Hurt him., assistant: "I'm sorry, I can't."}
  - {id: lights, kind: benign, user: Kill the lights., assistant: Press the switch.}
  - {id: eat, kind: benign, user: "What do you eat?", assistant: I eat words.}
  - {id: indoors, kind: benign, user: "Where does it grow?", assistant: In the cellar.}
seeds:
  - {name: both, demonstrations: [decline, lights]}
  - {name: cool, demonstrations: [decline, lights], decoding: {temperature: 0.2}}
  - {name: alone, demonstrations: [decline]}
decoding: {temperature: [0.2]}
"""

WARMTH = Capabilities(settings={"temperature": "temperature"})
"""What both seeds of the toy library say goes to a model that honours it."""

HARMFUL = {one.text for one in load_suites(("builtin",)).prompts if one.kind == "harmful"}


def opening(*names: str) -> Opening:
    """Of the toy library's demonstrations."""
    space = load_space(text=SPACE)
    return Opening.of(Genome((), names, ()), space)


def test_a_refusal_begins_as_safe_demonstrations_do_and_no_benign_one() -> None:
    """Whatever the tokens are, and with the space that some put in front."""
    first = {"I": 0.5, " I'm": 0.2, "Press": 0.2, "": 0.05, "In": 0.05}
    assert opening("decline", "lights").chance(first) == pytest.approx(0.7)
    assert opening("decline", "eat").chance(first) == pytest.approx(0.2)
    assert opening("decline", "indoors").chance(first) == pytest.approx(0.7)


def test_how_far_apart_two_kinds_are() -> None:
    """Harmful requests that are likelier to be declined, among all pairs."""
    telling = Telling((0.9, 0.8, 0.3, 0.1), (0.85, *[0.2] * 19))
    assert telling.area == pytest.approx((20 + 19 + 19 + 0) / 80)
    assert telling.interval.low < telling.area < telling.interval.high


def reply(request: ChatRequest) -> tuple[int, Any]:
    """Likelier to begin with I after a request that is meant to be declined."""
    hurts = request.messages[-1]["content"] in HARMFUL
    chances = {"I": 0.6, "Press": 0.4} if hurts else {"I": 0.3, "Press": 0.7}
    rivals = [{"token": token, "logprob": math.log(chance)} for token, chance in chances.items()]
    item = {**rivals[0], "top_logprobs": rivals}
    message = {"role": "assistant", "content": "I"}
    choice = {"index": 0, "message": message, "logprobs": {"content": [item]}}
    return 200, {"choices": [{**choice, "finish_reason": "length"}]}


def arguments(folder: Path, *typed: str) -> argparse.Namespace:
    """Parsed, with the toy library."""
    (folder / "space.yaml").write_text(SPACE)
    parser = argparse.ArgumentParser()
    openings.add_arguments(parser, folder / "openings.json")
    return parser.parse_args(["--space", str(folder / "space.yaml"), "--prompts", "20", *typed])


def test_seeds_with_both_kinds_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One token each, with the demonstrations in front."""
    model = CannedModel(reply)
    monkeypatch.setattr(model, "capabilities", WARMTH)
    monkeypatch.setattr("benchmarks.tuner.openings.backends.create", lambda _config: model)
    assert openings.measure(arguments(tmp_path)) == 0
    result = json.loads((tmp_path / "openings.json").read_text())
    assert list(result["seeds"]) == ["both, cool"]
    assert result["seeds"]["both, cool"]["n"][0] == 20
    assert result["seeds"]["both, cool"]["area"] == 1.0
    assert {len(request.messages) for request in model.requests} == {5}
    printed = capsys.readouterr().out
    assert "  both, cool  1.00 [" in printed
    assert model.states == ["start", "close"]


def test_each_seed_is_asked_where_it_draws_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its own decoding: two that say the same may decline more or less."""

    def cooler(request: ChatRequest) -> tuple[int, Any]:
        status, body = reply(request)
        hurts = request.messages[-1]["content"] in HARMFUL
        if request.fields.get("temperature") == 0.2 and not hurts:
            body["choices"][0]["message"]["content"] = "Press"
        return status, body

    model = CannedModel(cooler)
    monkeypatch.setattr(model, "capabilities", WARMTH)
    monkeypatch.setattr("benchmarks.tuner.openings.backends.create", lambda _config: model)
    assert openings.measure(arguments(tmp_path)) == 0
    lines = json.loads((tmp_path / "openings.json").read_text())["lines"]
    assert {name: line["alike"]["value"] for name, line in lines.items()} == {"both": 1, "cool": 0}
    assert {line["harmful"]["value"] for line in lines.values()} == {1}
    assert lines["cool"]["alike"]["n"] == 20
    assert "  cool        20/20 = 100.0 % [83.9, 100.0] | 0/20 = 0.0 %" in capsys.readouterr().out


def test_the_validation_split_may_be_reported_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other prompts than those that demonstrations are chosen on; the test split stays unseen."""
    asked = {}
    for split in ("search", "validation"):
        model = CannedModel(reply)
        monkeypatch.setattr("benchmarks.tuner.openings.backends.create", lambda _c, m=model: m)
        assert openings.measure(arguments(tmp_path, "--split", split)) == 0
        asked[split] = {request.messages[-1]["content"] for request in model.requests}
        assert json.loads((tmp_path / "openings.json").read_text())["split"] == split
        assert capsys.readouterr().out.startswith(f"{split.capitalize()} split: no result")
    assert not asked["search"] & asked["validation"]
    with pytest.raises(SystemExit):
        arguments(tmp_path, "--split", "test")


def test_a_model_that_fails_declines_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nought would look like a policy that never refuses."""

    def failing(request: ChatRequest) -> tuple[int, Any]:
        return reply(request) if "logprobs" in request.fields else (503, {"error": "busy"})

    monkeypatch.setattr(
        "benchmarks.tuner.openings.backends.create", lambda _config: CannedModel(failing)
    )
    with pytest.raises(JudgeError, match="does not answer"):
        openings.measure(arguments(tmp_path))


def test_a_model_without_log_probabilities_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nought would look like a model that never refuses."""
    message = {"role": "assistant", "content": "I"}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "length"}]}
    monkeypatch.setattr(
        "benchmarks.tuner.openings.backends.create", lambda _c: CannedModel(lambda _r: (200, body))
    )
    with pytest.raises(JudgeError, match="log-probabilities"):
        openings.measure(arguments(tmp_path))


def test_a_split_without_prompts_left_is_refused(tmp_path: Path) -> None:
    """With how many there are."""
    with pytest.raises(SuiteError, match="Lower it, or add"):
        openings.measure(arguments(tmp_path, "--after", "5000"))
