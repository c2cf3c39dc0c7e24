"""Which paths are guarded: every spelling that any server could read as one."""

from __future__ import annotations

import pytest

from proxy.adapters.paths import Paths, plain

PATHS = Paths({"/v1/chat/completions": "chat", "/Ask/": "ask"})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions//",
        "//v1/chat/completions",
        "/v1//chat///completions",
        "/v1/./chat/completions",
        "/v1/models/../chat/completions",
        "/V1/Chat/Completions",
        "/v1/ch%61t/completions",
        "/v1/ch%2561t/completions",
        "/v1%2fchat%2Fcompletions",
        "/v1/chat/completions;a=b",
        "/v1;x/chat/completions",
        "/v1\\chat\\completions",
        "/llm/v1/chat/completions",
        "/a/b/v1/chat/completions/",
        "v1/chat/completions",
    ],
)
def test_any_spelling_of_a_guarded_path_is_found(path: str) -> None:
    """Mounted, escaped once or twice, with doubled slashes, in other letters."""
    assert PATHS.find(path) == "chat"


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1/chat", "/v1/chat/completions/x", "/xv1/chat/completions", "/v1/models", "/asks"],
)
def test_other_paths_are_not(path: str) -> None:
    """A path has to end in a route, at a slash."""
    assert PATHS.find(path) is None


def test_routes_may_be_given_in_any_spelling_too() -> None:
    """A slash at the end of a configured route makes no difference."""
    assert PATHS.find("/ask") == PATHS.find("/Ask/") == "ask"


def test_plain_path_stays() -> None:
    """There is one spelling, and it is itself."""
    assert plain("/v1/chat/completions") == "/v1/chat/completions"
