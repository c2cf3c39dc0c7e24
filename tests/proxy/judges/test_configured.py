"""From configuration to a judge that answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from proxy.domain import Exchange, Verdict
from proxy.errors import JudgeError, SettingsError
from proxy.judges import registry
from proxy.judges.asked_model import untagged
from proxy.judges.base import Judge
from proxy.judges.config import JudgeConfig
from proxy.judges.configured import build, load_judge, read_judge

_parse = TypeAdapter[JudgeConfig](JudgeConfig).validate_python

GRADED = {"kind": "model_graded", "rubric": "strongreject"}
EXCHANGE = Exchange("How do I open a jar?", "Warm the lid, then twist it firmly.", kind="harmful")


def _model(answer: str) -> dict[str, Any]:
    return {"backend": "scripted", "name": "m", "rules": [{"answers": [answer]}]}


def _judge(raw: dict[str, Any]) -> tuple[Judge, Verdict]:
    judge = build(_parse(raw))

    async def run() -> Verdict:
        await judge.start()
        try:
            return await judge.judge(EXCHANGE)
        finally:
            await judge.close()

    return judge, asyncio.run(run())


def test_guard_model_is_built_and_answers() -> None:
    """Format and backend from the configuration."""
    raw = {
        "kind": "guard_model",
        "format": "llama_guard_3",
        "model": _model("unsafe\nS2"),
        "threshold": 0.9,
    }
    judge, verdict = _judge(raw)
    assert judge.judge_id.startswith("llama_guard_3-1/m@")
    assert (verdict.harmful, verdict.category) == (True, "crime")


def test_model_graded_is_built_and_answers() -> None:
    """By its rubric."""
    answer = '{"refused": 0, "convincing": 3, "specific": 3}'
    raw = {"kind": "model_graded", "rubric": "strongreject", "model": _model(answer)}
    _, verdict = _judge(raw)
    assert verdict.score == 0.5


def test_vote_and_cascade_are_built_from_their_parts() -> None:
    """Without k all judges must agree."""
    safe = {"kind": "guard_model", "format": "llama_guard_3", "model": _model("safe")}
    unsafe = {"kind": "guard_model", "format": "llama_guard_3", "model": _model("unsafe")}
    vote = {"kind": "vote", "judges": [safe, unsafe]}
    assert _judge(vote)[1].harmful is False
    assert _judge({**vote, "k": 1})[1].harmful is True
    named = {"kind": "named", "judge": "scripted"}
    cascade, verdict = _judge(
        {"kind": "cascade", "cheap": named, "strong": unsafe, "band": [0.0, 1.0]}
    )
    assert cascade.judge_id.startswith("cascade(scripted-1 → llama_guard_3-1/m@")
    assert verdict.harmful is True


def test_registry_takes_a_configuration_too() -> None:
    """One door for names and for configured judges."""
    config = _parse({"kind": "guard_model", "format": "wildguard", "model": _model("x")})
    assert registry.create(config).judge_id.startswith("wildguard-1/m@")


def test_missing_policy_file_is_named() -> None:
    """The file and what to do."""
    raw = {
        "kind": "guard_model",
        "format": "gpt_oss_safeguard",
        "model": _model("x"),
        "policy_file": "/nowhere/policy.md",
    }
    with pytest.raises(JudgeError, match=r"policy_file /nowhere/policy\.md"):
        build(_parse(raw))


def test_in_process_model_gets_the_formats_frame_as_its_template() -> None:
    """Unless the user gives another; the file is opened at start, not here."""
    model = {"backend": "llama_cpp", "name": "m", "path": "missing.gguf"}
    judge = build(_parse({"kind": "guard_model", "format": "shieldgemma", "model": model}))
    backend: Any = judge._model.backend  # type: ignore[attr-defined]  # white-box
    assert "<start_of_turn>\nHuman Question: {{ messages[0]" in backend._config.chat_template
    own = {**model, "chat_template": "{{ messages[0].content }}"}
    judge = build(_parse({"kind": "guard_model", "format": "shieldgemma", "model": own}))
    backend = judge._model.backend  # type: ignore[attr-defined]  # white-box
    assert backend._config.chat_template == own["chat_template"]


@pytest.mark.gguf
@pytest.mark.parametrize("kind", ["guard_model", "model_graded"])
def test_judge_over_the_local_engine_scores_or_says_why_not(kind: str) -> None:
    """The mechanism on a real GGUF: SmolLM2 is no guard, so nothing is said of its verdicts."""
    raw: dict[str, Any] = {
        "kind": kind,
        "model": {"backend": "llama_cpp", "name": "smol", "path": "embedded", "slots": 2},
    }
    if kind == "guard_model":
        raw["format"] = "granite_guardian_3"
    judge, verdict = _judge(raw)
    assert verdict.judge_id == judge.judge_id
    assert verdict.status in {"scored", "unscored"}
    assert (verdict.harmful is None) == (verdict.status == "unscored")
    assert verdict.status == "scored" or (verdict.reason or "").startswith("verdict")


def _problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_judge(Path("judge.yaml"), text=text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("text", ["scripted", "judge: scripted", "{kind: named, judge: scripted}"])
def test_judge_is_loaded_by_name_or_from_a_file(text: str, tmp_path: Path) -> None:
    """The three spellings of a judge of the roster, and the name itself."""
    path = tmp_path / "judge.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_judge(str(path)).judge_id == load_judge("scripted").judge_id == "scripted-1"


def test_all_mistakes_of_a_judge_file_are_told_at_once() -> None:
    """Each with its line and its path, also deep inside a combination."""
    text = """\
kind: cascade
cheap: embeded
strong:
  kind: guard_model
  format: qwen3guard
  modl: {backend: scripted, name: guard}
band: [0.8, 0.2]
"""
    cheap, missing, misspelt, band = _problems(text)
    assert cheap.startswith("judge.yaml:2: cheap: 'embeded' is no judge. Known: embedded,")
    assert missing.startswith("judge.yaml:3: strong.model: is required")
    assert misspelt.endswith("Did you mean `model`?")
    assert band.startswith("judge.yaml:7: band: a band needs")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: oracle", 'judge.yaml:1: kind: "oracle" is no kind of judge. Known: named,'),
        ("format: qwen3guard", "judge.yaml:1: kind: is required. Known: named, guard_model"),
        ("[embedded]", "judge.yaml:1: a list is not a mapping"),
        ("", "judge.yaml: is empty"),
        ("kind: [", "judge.yaml:1: not valid YAML"),
    ],
)
def test_file_that_is_no_judge_is_named(text: str, message: str) -> None:
    """Nothing else is complained about while the kind is unknown."""
    (problem,) = _problems(text)
    assert problem.startswith(message)


def test_unknown_name_and_missing_file_are_told_apart(tmp_path: Path) -> None:
    """A name lists what there is; what ends like a file is looked for."""
    with pytest.raises(JudgeError, match=r"No judge is named 'embeded'\. Known: embedded,"):
        load_judge("embeded")
    with pytest.raises(SettingsError, match=r"missing\.yaml: "):
        load_judge(str(tmp_path / "missing.yaml"))


@pytest.mark.parametrize("kind", [{"kind": "guard_model", "format": "llama_guard_3"}, GRADED])
def test_another_model_under_the_same_name_is_another_judge(kind: dict[str, Any]) -> None:
    """Verdicts of the guard that was called m last week must not be taken for this one's."""
    ids = [_judge({**kind, "model": _model(answer)})[0].judge_id for answer in ("safe", "unsafe")]
    assert ids[0] != ids[1]
    assert [untagged(judge_id) for judge_id in ids] == [
        build(_parse({**kind, "model": _model("safe")})).judge_id
    ] * 2
