"""Hypothesis strategies: any policy that schema 1 allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from proxy.policy.decoding import SETTINGS
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.setting import Setting
from proxy.policy.values import Biases, Number

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, min_size=1, max_size=40).filter(lambda text: bool(text.strip()))
names = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True).filter(lambda n: n != PASSTHROUGH.name)


def values(setting: Setting) -> st.SearchStrategy[Any]:
    """Values that a setting takes, as a policy file writes them."""
    takes = setting.takes
    if isinstance(takes, Number):
        if takes.is_whole:
            return st.integers(int(takes.minimum), int(takes.maximum))
        return st.floats(takes.minimum, takes.maximum)
    if isinstance(takes, Biases):
        tokens = st.integers(0, 50_000).map(str)
        return st.dictionaries(tokens, st.floats(-100, 100), min_size=1, max_size=4)
    return st.lists(st.text(characters, min_size=1, max_size=5), min_size=1, max_size=4)


def limits(setting: Setting) -> st.SearchStrategy[Any]:
    """The forms with `min`, `max` and `default`, in all combinations."""
    takes = setting.takes
    assert isinstance(takes, Number)
    lowest = takes.minimum if takes.unlimited_below is None else takes.unlimited_below
    number = (
        st.integers(int(lowest), int(takes.maximum))
        if takes.is_whole
        else st.floats(lowest, takes.maximum)
    )

    def form(three: list[float], keys: set[str]) -> dict[str, float]:
        low, default, high = sorted(three)
        return {
            key: value
            for key, value in {"min": low, "max": high, "default": default}.items()
            if key in keys
        }

    keys = st.sets(st.sampled_from(["min", "max", "default"]), min_size=1)
    return st.builds(form, st.lists(number, min_size=3, max_size=3), keys)


def rules(setting: Setting) -> st.SearchStrategy[Any]:
    """Every form in which a setting can stand in a file."""
    forms = [values(setting), values(setting).map(lambda value: {"default": value})]
    return st.one_of(*forms, *([limits(setting)] if setting.is_clampable else []))


def decodings() -> st.SearchStrategy[dict[str, Any]]:
    """Any choice of settings with any rules."""
    return st.fixed_dictionaries({}, optional={n: rules(s) for n, s in SETTINGS.items()})


def policies() -> st.SearchStrategy[Policy]:
    """Any policy."""
    match = st.fixed_dictionaries(
        {},
        optional={
            "models": st.lists(texts, min_size=1, max_size=3),
            "keys": st.lists(texts, min_size=1, max_size=3),
            "priority": st.integers(-1_000_000, 1_000_000),
        },
    )
    prompt = st.fixed_dictionaries(
        {"text": texts},
        optional={"placement": st.sampled_from(["prepend", "append", "replace", "if_absent"])},
    )
    turns = st.lists(st.fixed_dictionaries({"user": texts, "assistant": texts}), max_size=3)
    measured = st.fixed_dictionaries({"value": st.floats(0, 1), "n": st.integers(0, 99)})
    provenance = st.fixed_dictionaries(
        {"run": texts},
        optional={
            "seed": st.integers(0, 9),
            "objectives": st.dictionaries(
                texts, st.dictionaries(texts, measured, max_size=2), max_size=2
            ),
            "search": st.dictionaries(texts, st.integers() | st.booleans() | texts, max_size=2),
        },
    )
    parts = {
        "description": texts,
        "match": match,
        "rollout": st.fixed_dictionaries({"share": st.floats(0, 1)}),
        "system_prompt": prompt,
        "demonstrations": turns,
        "decoding": decodings(),
        "provenance": provenance,
    }
    whole = st.fixed_dictionaries({"schema": st.just(1), "name": names}, optional=parts)
    return whole.map(Policy.model_validate)
