"""What is generated from the one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.policy.decoding import SETTINGS
from proxy.policy.reference import json_schema, markdown, schema_text

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("file", "generated", "command"),
    [
        ("policies/schema.json", schema_text(), "schema"),
        ("docs/policy-reference.md", markdown(), "schema --markdown"),
    ],
)
def test_a_generated_file_is_fresh(file: str, generated: str, command: str) -> None:
    """Write it anew with `guardtune policy …`."""
    current = (ROOT / file).read_text(encoding="utf-8")
    assert current == generated, f"guardtune policy {command} > {file}"


def test_every_key_is_described_for_the_editor() -> None:
    """Completion without an explanation is half a help."""
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key, value in part["properties"].items():
            assert value.get("description"), key


def test_the_schema_knows_what_the_reader_knows() -> None:
    """Required keys, unknown keys, and text or file."""
    schema = json_schema()
    assert schema["required"] == ["schema", "name"]
    assert schema["additionalProperties"] is False
    prompt = schema["$defs"]["SystemPrompt"]
    assert prompt["oneOf"] == [{"required": ["text"]}, {"required": ["file"]}]
    assert schema["properties"]["schema"]["const"] == 1


def test_no_noise_is_left_for_the_editor_to_show() -> None:
    """Neither titles nor null where a key may be left out."""

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            assert node.get("type") != "null"
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(json_schema())


@pytest.mark.parametrize("name", SETTINGS)
def test_the_reference_has_a_row_for_each_setting(name: str) -> None:
    """With its meaning in the last column."""
    row = next(line for line in markdown().splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split("|")[-2].strip()
