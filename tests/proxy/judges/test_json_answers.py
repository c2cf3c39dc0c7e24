"""Strict JSON."""

from __future__ import annotations

import pytest

from proxy.errors import JudgeError
from proxy.judges.json_answers import one_object


@pytest.mark.parametrize(
    "answer", ['{"a": 1}', ' \n{"a": 1}\n', '```json\n{"a": 1}\n```', '```\n{"a": 1}```']
)
def test_one_object_bare_or_fenced(answer: str) -> None:
    """The two shapes that models give."""
    assert one_object(answer) == {"a": 1}


@pytest.mark.parametrize(
    "answer",
    [
        "", "1", "[]", "null", "{", '{"a": 1', '{"a": 1} and more', 'It is {"a": 1}',
        '{"a": 1}{"a": 2}', '{"a": 1, "a": 1}', '{"a": NaN}', '{"a": Infinity}',
        '```json\n{"a": 1}\n```\nbut {"a": 2}', "{'a': 1}", '{"a":' * 3000,
    ],
    ids=range(15),
)  # fmt: skip
def test_anything_else_is_refused(answer: str) -> None:
    """Prose may quote a verdict; a repeated key hides one."""
    with pytest.raises(JudgeError):
        one_object(answer)
