"""Bodies that can be read in two ways."""

from __future__ import annotations

import pytest

from proxy.policy.said_once import says_once


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "model": "b"}',
        b'{"mod\\u0065l": "a", "model": "b"}',
        b'{"\\u006dodel" : "a"}',
        b'{"model": "a", "x": {"model": 1}}',
    ],
)
def test_name_that_may_stand_twice_is_found(body: bytes) -> None:
    """Rather once too often: then it is only encoded anew."""
    assert not says_once(body, ("model",))


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "messages": [{"content": "my \\"model\\", a model"}]}',
        b'{"model": "a", "x": "caf\\u00e9 \\u4e2d"}',
        b"{}",
    ],
)
def test_text_that_talks_of_it_is_no_second_name(body: bytes) -> None:
    """Nor is text in another alphabet."""
    assert says_once(body, ("model", "temperature"))
