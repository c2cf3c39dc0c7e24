"""The tool and the structured answer that clients ask for."""

from __future__ import annotations

import json
from typing import Any

WEATHER_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def arguments_of(call: str) -> Any:
    """Decode a tool call's arguments, which must be what `WEATHER_TOOL` asks for."""
    arguments = json.loads(call)
    assert arguments["city"] in {"Paris", "Rome"}
    return arguments
