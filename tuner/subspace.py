"""Parts of a library, for searches that must do without the rest."""

from __future__ import annotations

from typing import Any

import yaml

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
    """Decoding settings alone, as a space file.

    Args:
        text: a space file that has been checked.
    """
    return without(text, "slots", "demonstrations")


def without(text: str, *genes: str) -> str:
    """Without these genes, in the library and in its seeds; seeds that name no other go, too.

    Args:
        text: a space file that has been checked.
        genes: keys of the file.
    """
    space = _cut(yaml.safe_load(text), genes)
    seeds = [_cut(seed, genes) for seed in space.pop("seeds", None) or ()]
    kept = [seed for seed in seeds if any(seed.get(gene) for gene in _GENES)]
    return yaml.safe_dump(space | ({"seeds": kept} if kept else {}), sort_keys=False)


def _cut(section: dict[str, Any], genes: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name not in genes}
