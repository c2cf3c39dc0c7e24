"""A space for the model that is to answer: without genes that would change nothing there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.backends.config import ModelConfig
from proxy.domain import Capabilities
from proxy.errors import Problem, SpaceError
from proxy.policy.plan import compile_plan
from proxy.policy.schema import SCHEMA, Policy
from tuner.space import PENALTIES
from tuner.subspace import GENES, Part, content, restricted, written
from tuner.token_ids import identified

Grids = Mapping[str, Sequence[float]]
"""Name of a setting, or a token → ascending values."""


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
    kept = _honoured(text, model.name, capabilities)
    found = identified(kept.text, model)
    note = "\n".join(filter(None, (kept.note, found.note)))
    if note and not content(found.text).keys() & set(GENES):
        raise SpaceError((Problem("--space", f"nothing is left to search.\n{note}"),))
    return Part(found.text, note)


def comes_from(text: str, library: str) -> bool:
    """Whether a run's space is this library, fitted to whatever model it was for.

    Args:
        text: the run's.
        library: a space file that has been checked.
    """
    mine, whole = content(text), content(library)
    settings, biases = _grids(mine, "decoding"), _grids(mine, "logit_bias")
    return (
        _is_part(settings, _grids(whole, "decoding"))
        and _is_part(biases, _grids(whole, "logit_bias"))
        and _without_ids(restricted(whole, settings, biases))
        == _without_ids(restricted(mine, settings, biases))
    )


def _honoured(text: str, name: str, capabilities: Capabilities) -> Part:
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
    lost = _notes(name, settings, kept, loses_biases=bool(biases) and not is_biased)
    return Part(written(part), "\n".join(lost))


def _honours(capabilities: Capabilities, setting: str, value: float) -> bool:
    policy = Policy.model_validate({"schema": SCHEMA, "name": "one", "decoding": {setting: value}})
    return not compile_plan(policy, capabilities).ignored


def _notes(name: str, settings: Grids, kept: Grids, *, loses_biases: bool) -> Iterator[str]:
    """What was left out, for people."""
    if gone := [setting for setting in settings if setting not in kept]:
        yield f"Not searched, since {name} would ignore it: {', '.join(gone)}."
    for setting, grid in kept.items():
        if beyond := [f"{value:g}" for value in settings[setting] if value not in grid]:
            yield f"{setting} is not searched at {', '.join(beyond)}: {name} does not take that."
    if loses_biases:
        left_out = "Biases on tokens are not searched, nor are seeds that have them"
        yield f"{left_out}: {name} takes no logit_bias."


def _grids(fields: Mapping[str, Any], key: str) -> Grids:
    return fields.get(key) or {}


def _is_part(mine: Grids, whole: Grids) -> bool:
    return all(set(grid) <= set(whole.get(name, ())) for name, grid in mine.items())


def _without_ids(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in fields.items() if name != "tokens"}
