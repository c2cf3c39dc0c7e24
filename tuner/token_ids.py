"""Ids for the tokens that a space has biases on: they belong to one model's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.backends.local_tokens import token_ids
from proxy.errors import Problem, SpaceError
from tuner.space import Space, load_space
from tuner.subspace import content, written


@dataclass(frozen=True, slots=True)
class Fitted:
    """A space for one model.

    Args:
        text: the space file, with the ids of this model's tokens, and without biases on tokens
            whose ids are not known.
        note: what had to be left out, for people; empty where nothing had.
    """

    text: str
    note: str = ""


def fitted(text: str, model: ModelConfig) -> Fitted:
    """The space with the ids of the tokens that it has biases on.

    A local model's vocabulary is read; of a server's nothing is seen, so that the ids that the file
    gives are taken as they are. A bias without an id goes, and so do the seeds that have it: they
    draw their line with it.

    Args:
        text: a space file that has been checked.
        model: who will answer.

    Raises:
        SpaceError: a token has another id in this model than the file says.
        ModelLoadError: the model's file cannot be read.
    """
    space = load_space(text=text)
    if not space.logit_bias:
        return Fitted(text)
    found = _ids(space, model)
    known = {token: one for token, one in found.items() if one is not None}
    fields = content(text)
    fields["logit_bias"] = {
        token: grid for token, grid in fields["logit_bias"].items() if token in known
    }
    fields["tokens"] = known
    fields["seeds"] = [seed for seed in fields.get("seeds") or () if _biased(seed) <= known.keys()]
    missing = [token for token in found if token not in known]
    return Fitted(
        written({name: value for name, value in fields.items() if value}), _note(missing, model)
    )


def comes_from(text: str, library: str) -> bool:
    """Whether a run's space is this library, fitted to whatever model it was for.

    Args:
        text: the run's.
        library: a space file that has been checked.
    """
    mine, whole = content(text), content(library)
    biases, seeds = whole.get("logit_bias") or {}, whole.get("seeds") or []
    return (
        _without_biases(mine) == _without_biases(whole)
        and all(biases.get(token) == grid for token, grid in (mine.get("logit_bias") or {}).items())
        and all(seed in seeds for seed in mine.get("seeds") or ())
    )


def _without_biases(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: each for name, each in fields.items() if name not in ("logit_bias", "tokens")}
    return kept | {"seeds": [seed for seed in fields.get("seeds") or () if not _biased(seed)]}


def _biased(seed: Mapping[str, Any]) -> set[str]:
    return set(seed.get("logit_bias") or ())


def _note(missing: list[str], model: ModelConfig) -> str:
    if not missing:
        return ""
    named = ", ".join(f'"{token}"' for token in missing)
    left_out = f"Biases on {named} are not searched, nor are seeds that have them"
    if isinstance(model, LlamaCppConfig):
        return f"{left_out}: {model.name} has no single token for each."
    return (
        f"{left_out}: {model.name} does not show its vocabulary. `tokens:` in a space file of your "
        "own gives ids."
    )


def _ids(space: Space, model: ModelConfig) -> Mapping[str, int | None]:
    if not isinstance(model, LlamaCppConfig):
        return {token: space.tokens.get(token) for token in space.logit_bias}
    found = token_ids(model, space.logit_bias)
    if problems := tuple(_wrong(space.tokens, found, model.name)):
        raise SpaceError(problems)
    return found


def _wrong(
    given: Mapping[str, int], found: Mapping[str, int | None], name: str
) -> Iterator[Problem]:
    for token, number in given.items():
        if number != found[token]:
            there = "none" if found[token] is None else found[token]
            yield Problem(
                "--space",
                f"{number} is another token of {name}; its id there is {there}. Leave `tokens` "
                "out: the run looks ids up.",
                path=f"tokens.{token}",
            )
