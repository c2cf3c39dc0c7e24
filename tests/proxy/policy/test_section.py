"""How sections read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proxy.policy.section import Section, Sequence, Text


class _Example(Section):
    text: Text = "x"
    items: Sequence[int] = ()


def test_text_loses_the_blank_space_around_it() -> None:
    """`text: |` ends in a line end that nobody means."""
    assert _Example(text="\n Be careful. \n").text == "Be careful."


@pytest.mark.parametrize("given", [{"text": " \n"}, {"text": 3}, {"items": ["1"]}, {"other": 1}])
def test_a_section_refuses_what_it_does_not_know(given: dict[str, object]) -> None:
    """Blank texts, other types and unknown keys are errors."""
    with pytest.raises(ValidationError):
        _Example.model_validate(given)


def test_a_yaml_list_becomes_a_tuple() -> None:
    """Sections are frozen throughout."""
    assert _Example.model_validate({"items": [1, 2]}).items == (1, 2)
