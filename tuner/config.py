"""What a run is made of: all that is needed to start it, or to start it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from proxy.backends.config import ModelConfig
from proxy.errors import StoreError
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.source import dump_policy, load_policy
from tuner.algorithms import DEFAULT
from tuner.lagrangian import Handling
from tuner.limits import Limits
from tuner.presets import PRESETS, Preset

SCHEMA = 3
"""Of a run's record: 3 says whose space it is, 2 has limits of its own, 1 those of before."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """JSON values only, contents instead of paths where a later edit would change the run.

    Args:
        name: of the policy that the run may export.
        preset: a key of :data:`tuner.presets.PRESETS`.
        model: the model's configuration, as in ``models:``.
        suites: specifications such as ``builtin`` or ``catqa-en:PATH``.
        judge: name of the judge, or the path of a file with one.
        seed: of everything random.
        space: the space file's content.
        base: the base policy's content, as YAML; None for the passthrough policy.
        out: folder that the policy is exported into.
        algorithm: a key of :data:`tuner.algorithms.ALGORITHMS`; its part of the space is in
            ``space`` already.
        tokens: after which the search ends, whatever the preset; None for no such limit.
        writer: the configuration of the model that writes texts, as in ``models:``; None for
            nobody.
        writer_calls: how often it is asked at most; None for what suits the preset.
        limits: what a policy may cost.
        constraints: how the search treats them.
        allow_lexical: whether relevance may be judged by words alone.
        is_own_space: whether the space is the user's; None in a record that does not say.
    """

    name: str
    preset: str
    model: Mapping[str, Any]
    suites: tuple[str, ...]
    judge: str
    seed: int
    space: str
    base: str | None
    out: str
    algorithm: str = DEFAULT
    tokens: int | None = None
    writer: Mapping[str, Any] | None = None
    writer_calls: int | None = None
    limits: Limits = field(default_factory=Limits)
    constraints: Handling = "feasibility"
    allow_lexical: bool = False
    is_own_space: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self) | {"schema": SCHEMA, "suites": list(self.suites)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`, of this version or an earlier one.

        Raises:
            StoreError: a later version has written it.
        """
        schema = data.get("schema", 1)
        if schema > SCHEMA:
            raise StoreError(
                f"The run's record has schema {schema}, and this GuardTune reads up to {SCHEMA}. "
                "Use the version that started the run, or a later one."
            )
        parts = {name: value for name, value in data.items() if name != "schema"}
        limits = Limits.from_json(data.get("limits"))
        return cls(**{**parts, "suites": tuple(data["suites"]), "limits": limits})

    @property
    def sizes(self) -> Preset:
        """The preset, with the run's own limits."""
        return replace(PRESETS[self.preset], limits=self.limits)

    @property
    def base_policy(self) -> Policy:
        """The policy that the search starts from."""
        if self.base is None:
            return PASSTHROUGH
        return load_policy(Path("base.yaml"), root=Path(), text=self.base)

    @property
    def model_config(self) -> ModelConfig:
        """The model's configuration, checked again."""
        return _checked(self.model)

    @property
    def writer_config(self) -> ModelConfig | None:
        """The writer's, likewise."""
        return None if self.writer is None else _checked(self.writer)


def _checked(model: Mapping[str, Any]) -> ModelConfig:
    try:
        return TypeAdapter[ModelConfig](ModelConfig).validate_python(dict(model))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "model"
        raise StoreError(
            f"The run's record has a model that this GuardTune does not take ({field}: "
            f"{first['msg']}). Use the version that started the run."
        ) from None


def read_base(path: Path | None) -> str | None:
    """The base policy as YAML with everything it refers to; None, passthrough, without a path.

    Raises:
        PolicyError: the policy cannot be used.
    """
    if path is None:
        return None
    return dump_policy(load_policy(path, root=path.parent))
