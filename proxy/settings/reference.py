"""The settings for people: `docs/configuration.md`, from the models that check them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from proxy.backends.config import (
    EMBEDDED_MODEL,
    LiteLLMConfig,
    LlamaCppConfig,
    OpenAIConfig,
    RetriesConfig,
    ScriptedConfig,
    ScriptedRule,
    TimeoutsConfig,
)
from proxy.judges.config import KINDS, CardConfig, NamedConfig
from proxy.judges.registry import DEFAULT as DEFAULT_JUDGE
from proxy.settings.schema import (
    Cors,
    Judging,
    KeyConfig,
    Limits,
    Probing,
    RollingOut,
    Settings,
)
from proxy.settings.source import FROM_ENVIRONMENT, PREFIX

EXAMPLE = """\
host: 0.0.0.0
port: 8000
policies: /etc/guardtune/policies
models:
  - name: smollm2-135m-instruct
    backend: llama_cpp
    path: embedded
  - name: large
    backend: openai
    base_url: https://api.example.com/v1
    api_key_env: EXAMPLE_API_KEY
keys:
  - {id: team-a, secret_env: TEAM_A_KEY}
  - {id: operations, secret_env: OPERATIONS_KEY, admin: true}
limits:
  max_in_flight: 64
judging:
  judge: embedded
  models:
    large:
      kind: guard_model
      format: llama_guard_3
      model: {backend: openai, name: guard, base_url: http://127.0.0.1:8001/v1}
probing:
  models: [smollm2-135m-instruct]
"""

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Top level", Settings),
    ("keys", KeyConfig),
    ("limits", Limits),
    ("cors", Cors),
    ("judging", Judging),
    ("probing", Probing),
    ("rollout", RollingOut),
    ("models, backend: llama_cpp", LlamaCppConfig),
    ("models, backend: openai", OpenAIConfig),
    ("timeouts", TimeoutsConfig),
    ("retries", RetriesConfig),
    ("models, backend: litellm", LiteLLMConfig),
    ("models, backend: scripted", ScriptedConfig),
    ("rules", ScriptedRule),
    *((f"judges, kind: {kind}", model) for kind, model in KINDS.items()),
    ("card", CardConfig),
)

_TAGS = ("backend", "kind")
"""What tells alternatives apart stands in a section's heading."""

_DEFAULTS: Mapping[str, tuple[Any, str]] = {
    "models": ([EMBEDDED_MODEL.model_dump(mode="json")], "the embedded model"),
    "judge": (NamedConfig(judge=DEFAULT_JUDGE).model_dump(mode="json"), f"`{DEFAULT_JUDGE}`"),
}
"""Defaults that have a name of their own."""

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
}
_ARGUMENT = re.compile(r"^    (?P<name>\w+): (?P<text>.*(?:\n {8,}.*)*)", re.MULTILINE)


def markdown() -> str:
    """Return the whole page."""
    lines = [*_head()]
    for heading, model in _SECTIONS:
        lines += _section(heading, model)
    return "\n".join(lines) + "\n"


def _head() -> Iterator[str]:
    variables = ", ".join(f"`{PREFIX}{name.upper()}`" for name in FROM_ENVIRONMENT)
    yield "# Configuration"
    yield ""
    yield "Generated from `proxy/settings/schema.py`, `proxy/backends/config.py` and"
    yield "`proxy/judges/config.py`; do not edit."
    yield ""
    yield "Nothing has to be configured: `guardtune serve` then serves the embedded model on"
    yield "127.0.0.1:8000 under the policies of the folder `policies`. What is configured comes"
    yield "from a YAML file (`--config FILE`, or the variable `GUARDTUNE_CONFIG`), from environment"
    yield "variables over it, and from flags over both. Relative paths start at the working folder."
    yield "Every mistake is told at once, with file and line, and nothing is started."
    yield ""
    yield f"Variables: {variables}."
    yield ""
    yield "Flags: `--config --host --port --policies --model --workers --log-level --insecure`."
    yield ""
    yield "```yaml"
    yield from EXAMPLE.splitlines()
    yield "```"


def _section(heading: str, model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    if "$ref" in schema:  # a model that holds others of its kind
        schema = schema["$defs"][model.__name__]
    documented = _arguments(model)
    yield from ("", f"## {heading}", "", _summary(model), "")
    yield "| setting | takes | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in schema["properties"].items():
        if name in _TAGS and "const" in field:
            continue
        meaning = " ".join((field.get("description") or documented.get(name, "")).split())
        default = _default(name, field, required=schema.get("required", ()))
        yield f"| `{name}` | {_takes(field)} | {default} | {_sentence(meaning)} |"


def _summary(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").partition("\n")[0].replace("``", "`")


def _arguments(model: type[BaseModel]) -> Mapping[str, str]:
    """Read the ``Args:`` of the docstrings of a model and of those it extends."""
    return {
        found["name"]: found["text"]
        for base in reversed(model.__mro__)
        for found in _ARGUMENT.finditer(inspect.cleandoc(base.__doc__ or ""))
    }


def _sentence(text: str) -> str:
    text = text.replace("``", "`").replace("|", "\\|")
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith(".") else f"{text}."


def _default(name: str, field: Mapping[str, Any], *, required: Any) -> str:
    if name in required:
        return "required"
    value = field.get("default")
    known, words = _DEFAULTS.get(name, (None, ""))
    if value is not None and value == known:
        return words
    if value is None or isinstance(value, dict | list):
        return ""
    return f"`{json.dumps(value)}`"


def _takes(field: Mapping[str, Any]) -> str:
    if field.get("discriminator", {}).get("propertyName") == "kind":
        return "a judge's name, or a mapping, see below"
    if "$ref" in field or "discriminator" in field:
        return "a mapping, see below"
    if "anyOf" in field:
        kinds = [_takes(member) for member in field["anyOf"] if member != {"type": "null"}]
        return " or ".join(kinds)
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    return _several(field) or _TYPES[field["type"]] + _range(field)


def _several(field: Mapping[str, Any]) -> str:
    """Lists and mappings; empty for anything else."""
    if field["type"] == "object":
        return f"for each name {_takes(field['additionalProperties'])}"
    if "prefixItems" in field:
        return f"[{', '.join(_takes(item) for item in field['prefixItems'])}]"
    if field["type"] == "array":
        inner = _takes(field["items"])
        return "a list, see below" if inner.endswith("see below") else f"list of {inner}"
    return ""


def _range(field: Mapping[str, Any]) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    parts = [
        f"{word} {bound:,}"
        for word, bound in (
            ("at least", low), ("above", above), ("at most", high), ("below", below),
        )
        if bound is not None
    ]  # fmt: skip
    return f", {', '.join(parts)}" if parts else ""
