"""Log lines as ``event=name key=value``: one line an event, whatever the values hold."""

from __future__ import annotations

import json
import re

_BARE = re.compile(r"[\w.:/@+*,\-]+", re.ASCII)


def logfmt(event: str, /, **values: object) -> str:
    """Format one event; None values are left out, and a value with anything odd in it is quoted.

    A path can hold a percent-encoded line break: quoting keeps it from forging a second line.
    """
    pairs = [f"event={event}"]
    pairs += [f"{key}={_text(value)}" for key, value in values.items() if value is not None]
    return " ".join(pairs)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text[:300])
