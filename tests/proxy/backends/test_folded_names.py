"""Names that some servers take for others."""

from __future__ import annotations

import pytest

from proxy.backends.folded_names import refuse_folded
from proxy.errors import RequestError

KNOWN = ("messages", "stop", "top_k")


@pytest.mark.parametrize("name", ["Messages", "MESSAGES", "\u017ftop", "Top_\u212a"])
def test_known_name_in_other_letters_is_refused(name: str) -> None:
    """Also in letters that fold to ASCII ones, as Go folds them."""
    with pytest.raises(RequestError, match="Did you mean") as caught:
        refuse_folded({"messages": [], name: 1}, KNOWN)
    assert caught.value.param in KNOWN


def test_other_names_may_be_written_as_they_like() -> None:
    """Servers have fields of their own."""
    refuse_folded({"messages": [], "enableThinking": True, "\u00e9t\u00e9": 1, "a-b": 2}, KNOWN)
    refuse_folded({}, KNOWN)
