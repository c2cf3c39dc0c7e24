"""Ids for the tokens that a space has biases on: they belong to one model's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.backends.local_tokens import token_ids
from proxy.errors import Problem, SpaceError
from tuner.space import Space, load_space
from tuner.subspace import Part, content, restricted, written


def identified(text: str, model: ModelConfig) -> Part:
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
        return Part(text)
    found = _ids(space, model)
    known = {token: one for token, one in found.items() if one is not None}
    fields = content(text)
    biases = {token: grid for token, grid in fields["logit_bias"].items() if token in known}
    kept = restricted(fields, fields.get("decoding") or {}, biases)
    missing = [token for token in found if token not in known]
    return Part(written(kept | ({"tokens": known} if known else {})), _note(missing, model))


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
