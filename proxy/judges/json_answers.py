"""Read a judge's JSON strictly: one object, bare or in one fence, each key once."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from proxy.errors import JudgeError

_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)


def one_object(answer: str) -> dict[str, Any]:
    """The JSON object that the whole answer is.

    Prose around it is refused: it may quote the judged text, and with it a verdict of the
    attacker's making.

    Raises:
        JudgeError: there is anything else, a key stands twice, or the JSON is cut off.
    """
    text = answer.strip()
    if (fenced := _FENCED.fullmatch(text)) is not None:
        text = fenced.group(1)
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise JudgeError("verdict is not one JSON object") from error
    if not isinstance(value, dict):
        raise JudgeError("verdict is not one JSON object")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise JudgeError("verdict has a key twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise JudgeError(f"verdict holds {name}")
