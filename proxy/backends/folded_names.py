"""Field names in other letters: servers written in Go take ``Messages`` for ``messages``.

Ollama matches names without regard to case, and of two that match the later one wins. So a client
that sends both would have a policy applied to the one and the model asked the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from proxy.errors import RequestError


def refuse_folded(fields: Mapping[str, Any], known: Collection[str]) -> None:
    """Pass where no field has a known one's name in other letters; those in no known one's may be.

    Raises:
        RequestError: 400; it names the field that was meant.
    """
    names = "".join(fields)
    if names.islower() and names.isascii():
        return
    for name in fields:
        meant = name.casefold()
        if meant != name and meant in known:
            raise RequestError(
                f"Unknown field `{name[:80]}`. Did you mean `{meant}`?",
                param=meant,
                code="unknown_parameter",
            )
