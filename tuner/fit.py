"""A space for the model that is to answer: without genes that would change nothing there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.backends.config import ModelConfig, OpenAIConfig
from proxy.domain import Capabilities
from proxy.errors import Problem, SpaceError
from proxy.policy.plan import compile_plan
from proxy.policy.schema import SCHEMA, Policy
from tuner.space import PENALTIES
from tuner.subspace import GENES, Part, content, restricted, written
from tuner.token_ids import identified

_Values = Mapping[str, Sequence[float]]
"""Name of a setting, or a token → its grid."""


def fitted(text: str, model: ModelConfig, capabilities: Capabilities) -> Part:
    """The space with the ids of the tokens that it has biases on, and what the model honours.

    A value that would be ignored, or moved into a narrower range, is left out: two candidates that
    differ in it alone would be one, answered twice.

    Args:
        text: a space file that has been checked.
        model: who will answer.
        capabilities: its backend's.

    Raises:
        SpaceError: a token has another id in this model than the file says, or nothing is left.
        ModelLoadError: the model's file cannot be read.
    """
    kept = _honoured(text, model, capabilities)
    found = identified(kept.text, model)
    note = "\n".join(filter(None, (kept.note, found.note)))
    if note and not content(found.text).keys() & set(GENES):
        raise SpaceError((Problem("--space", f"nothing is left to search.\n{note}"),))
    return Part(found.text, note)


def _honoured(text: str, model: ModelConfig, capabilities: Capabilities) -> Part:
    fields = content(text)
    settings, biases = _grids(fields, "decoding"), _grids(fields, "logit_bias")
    kept = {
        setting: honoured
        for setting, grid in settings.items()
        if (honoured := [value for value in grid if _honours(capabilities, setting, value)])
    }
    if not kept.keys() & set(PENALTIES):
        kept.pop("repeat_last_n", None)  # nothing would look through it
    is_biased = "logit_bias" in capabilities.settings
    if kept == settings and (is_biased or not biases):
        return Part(text)
    part = restricted(fields, kept, biases if is_biased else {})
    lost = [*_lost_settings(settings, kept, model, capabilities)]
    if biases and not is_biased:
        lost.append(
            "Biases on tokens are not searched, nor are seeds that have them: "
            f"{model.name} takes no logit_bias."
        )
    return Part(written(part), "\n".join(lost))


def _honours(capabilities: Capabilities, setting: str, value: float) -> bool:
    policy = Policy.model_validate({"schema": SCHEMA, "name": "one", "decoding": {setting: value}})
    return not compile_plan(policy, capabilities).ignored


def _lost_settings(
    settings: _Values, kept: _Values, model: ModelConfig, capabilities: Capabilities
) -> Iterator[str]:
    """What was left out and why, for people."""
    if ignored := [setting for setting in settings if setting not in capabilities.settings]:
        yield f"Not searched, since {model.name} would ignore it: {', '.join(ignored)}."
        yield from _hint(model)
    for setting, grid in settings.items():
        lost = [f"{value:g}" for value in grid if value not in kept.get(setting, ())]
        if setting in ignored or not lost:
            continue
        if setting == "repeat_last_n":
            yield f"{setting} is not searched, since no penalty is that would look through it."
        else:
            values = ", ".join(lost)
            yield f"{setting} is not searched at {values}, which {model.name} does not take."


def _hint(model: ModelConfig) -> Iterator[str]:
    if isinstance(model, OpenAIConfig) and model.flavour == "openai":
        yield "Should it be vLLM, llama-server, Ollama or TGI: `flavour` in a --config says so."


def _grids(fields: Mapping[str, Any], key: str) -> _Values:
    return {name: grid for name, grid in (fields.get(key) or {}).items() if grid is not None}
