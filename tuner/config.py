"""What a run is made of: all that is needed to start it, or to start it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from proxy.backends.config import EMBEDDED_MODEL, ModelConfig
from proxy.errors import Problem, SettingsError
from proxy.policy.diagnostics import validate
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.source import dump_policy, load_policy, read_yaml


@dataclass(frozen=True, slots=True)
class RunConfig:
    """JSON values only, contents instead of paths where a later edit would change the run.

    Args:
        name: of the policy that the run may export.
        preset: a key of :data:`tuner.presets.PRESETS`.
        model: the model's configuration, as in ``models:``.
        suites: specifications such as ``builtin`` or ``catqa-en:PATH``.
        judge: name of the judge.
        seed: of everything random.
        space: the space file's content.
        base: the base policy's content, as YAML; None for the passthrough policy.
        out: folder that the policy is exported into.
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

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self) | {"suites": list(self.suites)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`."""
        return cls(**{**data, "suites": tuple(data["suites"])})

    @property
    def base_policy(self) -> Policy:
        """The policy that the search starts from."""
        if self.base is None:
            return PASSTHROUGH
        return load_policy(Path("base.yaml"), root=Path(), text=self.base)

    @property
    def model_config(self) -> ModelConfig:
        """The model's configuration, checked again."""
        return TypeAdapter[ModelConfig](ModelConfig).validate_python(dict(self.model))


class _ModelsFile(BaseModel):
    """The part of the server's configuration that a run needs; the rest is the server's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    models: Annotated[tuple[ModelConfig, ...], Field(strict=False)] = (EMBEDDED_MODEL,)


def find_model(name: str | None, config: Path | None) -> ModelConfig:
    """The configured model of that name, or the only one.

    Args:
        name: served name; None where there is no choice.
        config: the server's configuration file; None for the embedded model alone.

    Raises:
        SettingsError: the file is wrong, or it has no such model.
    """
    models: tuple[ModelConfig, ...] = (EMBEDDED_MODEL,)
    if config is not None:
        models = validate(read_yaml(config), _ModelsFile, error=SettingsError).models
    chosen = [model for model in models if name in (None, model.name)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(model.name for model in models)
    wanted = "several models" if name is None else f"no model {name!r}"
    where = "--model" if config is None else str(config)
    raise SettingsError((Problem(where, f"there are {wanted}. Give --model, one of: {names}."),))


def read_base(path: Path | None) -> str | None:
    """The base policy as YAML with everything it refers to; None, passthrough, without a path.

    Raises:
        PolicyError: the policy cannot be used.
    """
    if path is None:
        return None
    return dump_policy(load_policy(path, root=path.parent))
