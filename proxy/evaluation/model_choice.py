"""Which model is measured: ``embedded``, a file, an address, or a name of the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from proxy.backends.config import EMBEDDED_MODEL, LlamaCppConfig, ModelConfig
from proxy.errors import Problem, SettingsError
from proxy.policy.diagnostics import validate
from proxy.policy.document import Document
from proxy.policy.source import read_yaml

SLOTS: Final = 32
"""Sequences a batch where latency does not matter: on two cores they decode a sixth to a quarter
more tokens a second than 16."""

_SPARE: Final = 4
"""Answers in flight beyond the engine's sequences, so that a freed one is filled at once."""

_REMOTE_CONCURRENCY: Final = 8

_REMOTE = re.compile(r"https?://|unix:")
_YAML: Final = frozenset({".yaml", ".yml"})


class ModelsFile(BaseModel):
    """The part of the server's configuration that a measurement needs; the rest is the server's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    models: Annotated[tuple[ModelConfig, ...], Field(strict=False)] = (EMBEDDED_MODEL,)


def choose_model(
    spec: str | None, config: Path | None = None, *, option: str = "--model"
) -> ModelConfig:
    """The model that ``--model`` and ``--config`` name.

    Args:
        spec: ``embedded``; ``PATH.gguf`` or ``hf:OWNER/REPO/FILE``; ``URL#NAME`` of a server that
            speaks OpenAI's wire; a YAML file with ``models:``, ``#NAME`` behind it where it holds
            several; or a served name of ``config``. None for the only one there is.
        config: the server's configuration file; None for the embedded model alone.
        option: what the user typed the specification after, for messages.

    Raises:
        SettingsError: there is no such model, or what is wrong with the file.
    """
    place, _, name = (spec or "").partition("#")
    if spec is None:
        return _of_file(config, None, option)
    if spec == "embedded":
        return EMBEDDED_MODEL
    if _REMOTE.match(spec):
        return _remote(place, name, option)
    if Path(place).suffix in _YAML:
        return _of_file(Path(place), name or None, option)
    if spec.startswith("hf:") or spec.endswith(".gguf"):
        entry = {"backend": "llama_cpp", "name": _served_name(spec), "path": spec}
        return _checked(entry, spec, option)
    return _of_file(config, spec, option)


def wide(model: ModelConfig) -> ModelConfig:
    """A local model with as many sequences a batch as pays off; others as they are."""
    if not isinstance(model, LlamaCppConfig):
        return model
    return model.model_copy(update={"slots": max(model.slots, SLOTS)})


def in_flight(model: ModelConfig) -> int:
    """How many answers to ask for at once."""
    return model.slots + _SPARE if isinstance(model, LlamaCppConfig) else _REMOTE_CONCURRENCY


def _of_file(config: Path | None, name: str | None, option: str) -> ModelConfig:
    models: tuple[ModelConfig, ...] = (EMBEDDED_MODEL,)
    if config is not None:
        models = validate(read_yaml(config), ModelsFile, error=SettingsError).models
    chosen = [model for model in models if name in (None, model.name)]
    if len(chosen) == 1:
        return chosen[0]
    where = option if config is None else str(config)
    names = ", ".join(model.name for model in models)
    if name is None:
        message = f"there are several models. Give {option}, one of: {names}."
    else:
        message = (
            f"there is no model {name[:80]!r}. Give one of {names}; or embedded, PATH.gguf, "
            "URL#NAME, or a YAML file with models."
        )
    raise SettingsError((Problem(where, message),))


def _remote(url: str, name: str, option: str) -> ModelConfig:
    if not name:
        message = f"{url[:80]!r} names no model. Write URL#NAME, as in http://127.0.0.1:8000/v1#m."
        raise SettingsError((Problem(option, message),))
    return _checked({"backend": "openai", "name": name, "base_url": url}, url, option)


def _checked(entry: dict[str, str], spec: str, option: str) -> ModelConfig:
    """One entry of ``models:``, as if it stood in a file."""
    document = Document(f"{option} {spec[:80]}", {"models": [entry]})
    return validate(document, ModelsFile, error=SettingsError).models[0]


def _served_name(path: str) -> str:
    stem = path.rsplit("/", 1)[-1].removesuffix(".gguf")
    return re.sub(r"[^A-Za-z0-9._:@+-]+", "-", stem).strip("-._") or "model"
