"""Parts of a library, for searches that must do without the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proxy.policy.source import read_yaml


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a library.

    Args:
        text: a space file.
        note: what had to be left out, for people; empty where nothing had.
    """

    text: str
    note: str = ""


GENES = ("slots", "demonstrations", "decoding", "logit_bias")
"""The parts of a space that are searched."""


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
    seeds = _distinct(_cut(seed, genes) for seed in space.pop("seeds", None) or ())
    return written(space | ({"seeds": seeds} if seeds else {}))


def restricted(
    space: dict[str, Any], settings: Mapping[str, Any], biases: Mapping[str, Any]
) -> dict[str, Any]:
    """A space file's content with these grids in place of its own.

    A seed loses what is on none of them, but for a bias: that draws its line, so without it the
    seed goes. So do seeds that say nothing any more, or the same as an earlier one.

    Args:
        space: the content.
        settings: setting → values, a part of those that the space has.
        biases: token → values, likewise.
    """
    seeds = _distinct(
        seed | {"decoding": _on_grid(seed.get("decoding") or {}, settings)}
        for seed in space.get("seeds") or ()
        if (seed.get("logit_bias") or {}).keys() <= biases.keys()
    )
    tokens = {token: one for token, one in (space.get("tokens") or {}).items() if token in biases}
    changed = {"decoding": settings, "logit_bias": biases, "tokens": tokens, "seeds": seeds}
    return {name: each for name, each in (space | changed).items() if each or name not in changed}


def content(text: str) -> dict[str, Any]:
    """What a space file says, read as spaces are: a token called ``No`` is no truth value."""
    return dict(read_yaml(Path("space.yaml"), text=text).data)


def written(space: dict[str, Any]) -> str:
    """The inverse of :func:`content`."""
    return yaml.safe_dump(space, sort_keys=False)


def _distinct(seeds: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each that says anything; empty genes are left out."""
    kept: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for seed in seeds:
        said = {name: value for name, value in seed.items() if name not in GENES or value}
        genes = {gene: said[gene] for gene in GENES if gene in said}
        if genes and genes not in known:
            known.append(genes)
            kept.append(said)
    return kept


def _on_grid(values: Mapping[str, float], grids: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value in grids.get(name, ())}


def _cut(section: dict[str, Any], genes: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name not in genes}
