"""The routes that we know."""

from __future__ import annotations

from proxy.backends import routes


def test_routes_are_under_the_prefix_that_base_urls_end_in() -> None:
    """`base_url` ends in `/v1`, so that a path is what stands behind it."""
    paths = (
        routes.CHAT_PATH, routes.COMPLETIONS_PATH, routes.RESPONSES_PATH, routes.EMBEDDINGS_PATH,
    )  # fmt: skip
    assert len(set(paths)) == len(paths)
    assert all(path.startswith(f"{routes.PREFIX}/") for path in paths)
