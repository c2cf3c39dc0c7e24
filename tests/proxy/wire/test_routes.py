"""Routes, and what a policy can do on each."""

from __future__ import annotations

from proxy.wire.routes import CHAT, COMPLETIONS, EMBEDDINGS, KNOWN, RESPONSES, passthrough


def test_policies_are_for_routes_that_generate() -> None:
    """All others are counted as unguarded."""
    assert [route for route in KNOWN if route.takes_policies] == [CHAT, COMPLETIONS, RESPONSES]
    assert not passthrough("/v1/rerank").takes_policies


def test_nobody_judges_numbers_and_nobody_knows_of_other_routes() -> None:
    """The former are no answers; the latter may be, and count as unjudged."""
    assert (EMBEDDINGS.answers, passthrough("/v1/rerank").answers) == ("none", "unknown")


def test_paths_differ() -> None:
    """One route, one endpoint."""
    assert len({route.path for route in KNOWN}) == len(KNOWN)
