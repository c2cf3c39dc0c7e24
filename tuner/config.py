"""What a run is made of: all that is needed to start it, or to start it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from proxy.backends.config import ModelConfig
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.source import dump_policy, load_policy
from tuner.algorithms import DEFAULT


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


def read_base(path: Path | None) -> str | None:
    """The base policy as YAML with everything it refers to; None, passthrough, without a path.

    Raises:
        PolicyError: the policy cannot be used.
    """
    if path is None:
        return None
    return dump_policy(load_policy(path, root=path.parent))
