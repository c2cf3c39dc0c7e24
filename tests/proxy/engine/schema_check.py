"""A JSON schema's verdict by the library that everybody uses; it comes with litellm."""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are not worth a dependency

_FORMATS = jsonschema.FormatChecker(["date", "uuid"])


def assert_valid(value: Any, schema: Any) -> None:
    """Fails with the library's own words."""
    jsonschema.validate(value, schema, format_checker=_FORMATS)
