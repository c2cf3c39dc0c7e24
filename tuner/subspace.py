"""Parts of a library, for searches that must do without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from proxy.policy.source import read_yaml

_GENES = ("slots", "demonstrations", "decoding", "logit_bias")


def whole(text: str) -> str:
    """All of it."""
    return text


def prompt_only(text: str) -> str:
    """Slots and demonstrations alone, as a space file.

    Args:
        text: a space file that has been checked.
    """
    return without(text, "decoding", "logit_bias", "tokens")


def decoding_only(text: str) -> str:
    """Decoding settings and biases alone, as a space file.

    Args:
        text: a space file that has been checked.
    """
    return without(text, "slots", "demonstrations")


def without(text: str, *genes: str) -> str:
    """Without these genes, in the library and in its seeds.

    Seeds that name no other gene go, too; of those that differed in these alone the first stays.

    Args:
        text: a space file that has been checked.
        genes: keys of the file.
    """
    space = _cut(content(text), genes)
    seeds = [_cut(seed, genes) for seed in space.pop("seeds", None) or ()]
    kept: dict[str, dict[str, Any]] = {}
    for seed in seeds:
        if genes_left := {gene: seed[gene] for gene in _GENES if seed.get(gene)}:
            kept.setdefault(repr(genes_left), seed)
    return written(space | ({"seeds": [*kept.values()]} if kept else {}))


def content(text: str) -> dict[str, Any]:
    """What a space file says, read as spaces are: a token called ``No`` is no truth value."""
    return dict(read_yaml(Path("space.yaml"), text=text).data)


def written(space: dict[str, Any]) -> str:
    """The inverse of :func:`content`."""
    return yaml.safe_dump(space, sort_keys=False)


def _cut(section: dict[str, Any], genes: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name not in genes}
