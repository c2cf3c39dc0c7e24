"""Ids for the tokens that a space has biases on: they belong to one model's vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.backends.local_tokens import token_ids
from proxy.errors import Problem, SpaceError
from tuner.space import Space, load_space
from tuner.subspace import without


@dataclass(frozen=True, slots=True)
class Fitted:
    """A space for one model.

    Args:
        text: the space file, with the ids of this model's tokens; without biases where those are
            not known.
        note: what had to be left out, for people; empty where nothing had.
    """

    text: str
    note: str = ""


def fitted(text: str, model: ModelConfig) -> Fitted:
    """The space with the ids of the tokens that it has biases on, or without those biases.

    A local model's vocabulary is read; of a server's nothing is seen, so that the ids that the file
    gives are taken as they are.

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
    if missing := [token for token, known in found.items() if known is None]:
        named = ", ".join(f'"{token}"' for token in missing)
        where = "is no single token of" if isinstance(model, LlamaCppConfig) else "has no id for"
        return Fitted(
            _unbiased(text),
            f"Biases on tokens are not searched: {named} {where} {model.name}. "
            "`tokens:` in the space file gives ids.",
        )
    return Fitted(yaml.safe_dump(yaml.safe_load(text) | {"tokens": found}, sort_keys=False))


def _unbiased(text: str) -> str:
    """Without biases, and without the seeds that have one: they draw their line with it."""
    space = yaml.safe_load(text)
    seeds = [seed for seed in space.pop("seeds", None) or () if not seed.get("logit_bias")]
    kept = space | ({"seeds": seeds} if seeds else {})
    return without(yaml.safe_dump(kept, sort_keys=False), "logit_bias", "tokens")


def _ids(space: Space, model: ModelConfig) -> Mapping[str, int | None]:
    if not isinstance(model, LlamaCppConfig):
        return {token: space.tokens.get(token) for token in space.logit_bias}
    found = token_ids(model, space.logit_bias)
    for token, given in space.tokens.items():
        if given != found[token]:
            message = (
                f'says that "{token}" is {given}, and in {model.name} it is '
                f"{found[token] or 'no single token'}. Leave `tokens` out: the run looks them up."
            )
            raise SpaceError((Problem("tokens", message),))
    return found
