"""The search space: a library of texts and grids that users edit as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from proxy.domain import CATEGORIES
from proxy.errors import SpaceError
from proxy.policy.diagnostics import validate
from proxy.policy.document import Location
from proxy.policy.section import Section, Sequence, Text
from proxy.policy.source import read_yaml

DEFAULT_SPACE = Path(__file__).parent / "spaces" / "default.yaml"

MAX_DEMONSTRATIONS = 16

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]

Token = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A token by its text, leading blank included: ``I`` begins an answer, `` I`` goes on with one."""

PENALTIES = ("repeat_penalty", "frequency_penalty", "presence_penalty")
"""What ``repeat_last_n`` is the window of."""

_STRONGEST_BIAS = 20.0
"""Beyond it a token is always or never taken: a ban, and no line that could be moved."""

_Value = TypeVar("_Value", int, float)


def _ascending(grid: tuple[_Value, ...]) -> tuple[_Value, ...]:
    if list(grid) != sorted(set(grid)):
        raise ValueError("values must ascend, each once. Sort them.")
    return grid


def _known_category(category: str) -> str:
    if category not in CATEGORIES:
        raise ValueError(f'"{category[:40]}" is not one of {", ".join(CATEGORIES)}.')
    return category


def _grid(low: float, high: float) -> AfterValidator:
    def check(grid: tuple[float, ...]) -> tuple[float, ...]:
        for value in grid:
            if not low <= value <= high:
                raise ValueError(
                    f"{value:g} is outside {low:g} to {high:g}, where texts make sense."
                )
        return _ascending(grid)

    return AfterValidator(check)


_Reals = Annotated[Sequence[float], Field(min_length=1)]
_Wholes = Annotated[Sequence[int], Field(min_length=1)]


class Grids(Section):
    """The values that each setting may be enforced at; settings without a grid are left alone."""

    temperature: Annotated[_Reals, _grid(0.0, 2.0)] | None = None
    """At 0 decoding is greedy, and top_p, min_p and top_k mean nothing."""

    top_p: Annotated[_Reals, _grid(0.05, 1.0)] | None = None
    """Probability mass kept."""

    min_p: Annotated[_Reals, _grid(0.0, 0.9)] | None = None
    """Share of the likeliest token's probability below which tokens are dropped."""

    top_k: Annotated[_Wholes, _grid(1, 1000)] | None = None
    """Likeliest tokens kept."""

    repeat_penalty: Annotated[_Reals, _grid(0.5, 2.0)] | None = None
    """Above 1 discourages repetition, below 1 invites it."""

    frequency_penalty: Annotated[_Reals, _grid(-2.0, 2.0)] | None = None
    """Subtracted for each occurrence of a token."""

    presence_penalty: Annotated[_Reals, _grid(-2.0, 2.0)] | None = None
    """Subtracted once for a token that has occurred."""

    repeat_last_n: Annotated[_Wholes, _grid(1, 8192)] | None = None
    """Recent tokens that penalties look at; as the base policy has it where no gene sets one."""

    max_tokens: Annotated[_Wholes, _grid(8, 4096)] | None = None
    """The most tokens of an answer; the preset's own limit applies as well."""


class Fragment(Section):
    """One text that a slot of the system prompt may hold."""

    id: Id
    """Names it in genomes and reports."""

    text: Text
    """What is said to the model."""


class Example(Section):
    """One demonstration of the library."""

    id: Id
    """Names it in genomes and reports."""

    kind: Literal["safe", "benign"]
    """`safe` declines or turns to safety; `benign` shows that a harmless question is answered."""

    category: Annotated[str, AfterValidator(_known_category)] = "other"
    """What it is about."""

    user: Text
    """What a user might say."""

    assistant: Text
    """The answer to imitate."""


class Seed(Section):
    """A hand-written starting point; what it does not name stays as in the base policy."""

    name: Id
    """For people."""

    slots: dict[str, str] = Field(default_factory=dict)
    """Slot → fragment id."""

    demonstrations: Sequence[str] = ()
    """Demonstration ids, in order."""

    decoding: dict[str, float] = Field(default_factory=dict)
    """Setting → a value of its grid."""

    logit_bias: dict[Token, float] = Field(default_factory=dict)
    """Token's text → a value of its grid."""


_Named = TypeVar("_Named", Fragment, Example)


def _distinct(entries: tuple[_Named, ...]) -> tuple[_Named, ...]:
    ids = [entry.id for entry in entries]
    if repeated := {name for name in ids if ids.count(name) > 1}:
        raise ValueError(f"the id {min(repeated)!r} appears twice. Rename one.")
    return entries


_Fragments = Annotated[Sequence[Fragment], Field(min_length=1), AfterValidator(_distinct)]


class Space(Section):
    """Everything that a genome may be made of."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """The version of this format: 1."""

    slots: dict[Id, _Fragments] = Field(default_factory=dict)
    """Slot → its fragments; the order of the file is the order in the prompt."""

    demonstrations: Annotated[Sequence[Example], AfterValidator(_distinct)] = ()
    """The library that demonstrations are drawn from."""

    max_demonstrations: Annotated[int, Field(ge=0, le=MAX_DEMONSTRATIONS)] = 4
    """The most that one policy may carry."""

    decoding: Grids = Grids()
    """Values that may be enforced."""

    logit_bias: dict[Token, Annotated[_Reals, _grid(-_STRONGEST_BIAS, _STRONGEST_BIAS)]] = Field(
        default_factory=dict
    )
    """Token's text → what may be added to its logit. That of the token with which refusals begin
    draws the line between declining and answering, for short requests and long ones alike."""

    tokens: dict[Token, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Token's text → its id. A run looks ids up in a local model's vocabulary itself; behind a
    server they cannot be seen, and are given here or the biases are not searched."""

    seeds: Sequence[Seed] = ()
    """Starting points beside the base policy and a Latin hypercube."""

    @cached_property
    def fragments(self) -> Mapping[str, Mapping[str, str]]:
        """Slot → fragment id → text."""
        return {name: {f.id: f.text for f in choices} for name, choices in self.slots.items()}

    @cached_property
    def examples(self) -> Mapping[str, Example]:
        """Demonstration id → demonstration."""
        return {example.id: example for example in self.demonstrations}

    @cached_property
    def grids(self) -> Mapping[str, tuple[float, ...]]:
        """Setting → ascending values; only settings that have a grid, and then biases."""
        settings = ((name, getattr(self.decoding, name)) for name in Grids.model_fields)
        biases = {bias_gene(token): grid for token, grid in self.logit_bias.items()}
        return {name: grid for name, grid in settings if grid is not None} | biases

    def texts(self) -> Iterator[str]:
        """Every text that could reach a model, for the leak check against suites."""
        for choices in self.fragments.values():
            yield from choices.values()
        for example in self.demonstrations:
            yield from (example.user, example.assistant)


def bias_gene(token: str) -> str:
    """What the gene of a bias on this token is called: ``logit_bias["I"]``."""
    return f"logit_bias[{json.dumps(token, ensure_ascii=False)}]"


def load_space(path: Path = DEFAULT_SPACE, *, text: str | None = None) -> Space:
    """Read and check a space file.

    Args:
        path: the file; names it in messages.
        text: its content, if read already (a resumed run keeps the one it started with).

    Raises:
        SpaceError: with every mistake found; seeds are checked once what they refer to is right.
    """
    document = read_yaml(path, text=text)
    space = validate(document, Space, error=SpaceError)
    problems = tuple(document.problem(location, message) for location, message in _loose(space))
    if problems:
        raise SpaceError(problems)
    return space


def _loose(space: Space) -> Iterator[tuple[Location, str]]:
    """What refers to something that is not there, and a window that nothing would look through."""
    if "repeat_last_n" in space.grids and not set(PENALTIES) & set(space.grids):
        remedy = f"Give one of {', '.join(PENALTIES)} a grid, or remove it."
        yield (
            ("decoding", "repeat_last_n"),
            f"no penalty that could look at it is searched. {remedy}",
        )
    for token in space.tokens:
        if token not in space.logit_bias:
            yield ("tokens", token), "has no grid under `logit_bias`. Give it one, or remove it."
    for token, number in space.tokens.items():
        if list(space.tokens.values()).count(number) > 1:
            yield ("tokens", token), f"{number} is given twice: two texts are never one token."
    for number, seed in enumerate(space.seeds):
        for location, message in _loose_in_seed(seed, space):
            yield ("seeds", number, *location), message


def _loose_in_seed(seed: Seed, space: Space) -> Iterator[tuple[Location, str]]:
    for slot, fragment in seed.slots.items():
        if fragment not in space.fragments.get(slot, {}):
            yield ("slots", slot), f"there is no fragment {fragment!r} in slot {slot!r}."
    for place, name in enumerate(seed.demonstrations):
        if name not in space.examples:
            yield ("demonstrations", place), f"there is no demonstration {name!r}."
    if len(seed.demonstrations) > space.max_demonstrations:
        yield ("demonstrations",), f"more than {space.max_demonstrations} are listed."
    for setting, value in seed.decoding.items():
        if value not in space.grids.get(setting, ()):
            yield ("decoding", setting), f"{value:g} is not on the grid of {setting!r}."
    for token, bias in seed.logit_bias.items():
        if bias not in space.logit_bias.get(token, ()):
            yield ("logit_bias", token), f"{bias:g} is not on the grid of {token!r}."
