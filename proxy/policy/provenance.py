"""Where a policy came from: written by the tuner, read by people, no part of the identity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from proxy.policy.section import Section, Text

_Label = Annotated[str, Field(min_length=1, max_length=500)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]
_Count = Annotated[int, Field(ge=0)]


class Artefact(Section):
    """Something that the measurements depend on, by name and content."""

    name: _Label
    """Its name, such as the served model or the suite."""

    sha256: _Sha256 | None = None
    """SHA-256 of its content, at least the first 12 hex digits."""


class WeightsContent(Section):
    """A local model's file, by content."""

    original_sha256: _Sha256
    """SHA-256 of the file that was configured."""

    converted_to: _Label | None = None
    """The type that its weights were converted to before they were loaded."""

    converted_sha256: _Sha256 | None = None
    """SHA-256 of the converted file."""


class ModelArtefact(Artefact):
    """A model, by name and by what its answers depend on."""

    weights: WeightsContent | None = None
    """Its file, where the model ran on this machine."""


class Measurement(Section):
    """One measured number with its uncertainty."""

    value: float
    """The point estimate."""

    n: _Count
    """Scored answers behind it."""

    low: float | None = None
    """Lower end of the 95 % interval."""

    high: float | None = None
    """Upper end of the 95 % interval."""


class WrittenText(Section):
    """A text of the system prompt that a model wrote for the tuner."""

    by: _Label
    """The model, as `name@sha256` with the first 12 hex digits of its identity."""

    operator: Literal["rephrase", "merge", "reflect"]
    """What it was asked to do: put a text in other words, merge two, or better one."""

    text: Text
    """The text, which stands at the end of the system prompt."""


Objectives = dict[_Label, Measurement]
"""Measurements by objective, such as `harmful_rate` and `relevance`."""


class Provenance(Section):
    """How the policy was found and what was measured."""

    run: _Label
    """Id of the tuner's run."""

    created: _Label | None = None
    """When, as an ISO 8601 time in quotes."""

    version: _Label | None = None
    """The version of GuardTune that wrote the file."""

    seed: Annotated[int, Field(ge=0)] | None = None
    """Seed of the run."""

    base: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}@[0-9a-f]{12}$")] | None = None
    """The policy that the search started from, as `name@sha`."""

    model: ModelArtefact | None = None
    """The model that answered."""

    suite: Artefact | None = None
    """The prompts it was asked."""

    judge: _Label | None = None
    """Id of the judge, with its version."""

    splits: dict[_Label, _Count] = Field(default_factory=dict)
    """Prompts by split, such as `{search: 120, validation: 120, test: 120}`."""

    objectives: dict[_Label, Objectives] = Field(default_factory=dict)
    """This policy's measurements by split."""

    baseline: dict[_Label, Objectives] = Field(default_factory=dict)
    """The base policy's measurements on the same prompts, by split."""

    written: WrittenText | None = None
    """The part of the system prompt that no person has written."""

    search: dict[_Label, str | int | float | bool] = Field(default_factory=dict)
    """Parameters of the search, such as preset, generations and population."""
