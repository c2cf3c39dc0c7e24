"""How mistakes are told."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.policy.wording import MAX_SHOWN_CHARS, describe, printable, shown, suggestion


def test_a_value_is_shown_on_one_line_and_cut() -> None:
    """A message stays readable whatever the file holds."""
    text = shown("a\nb\x07" + "x" * 200)
    assert text.startswith('"a\\nb\\u0007xxx')
    assert text.endswith('…"')
    assert len(text) == MAX_SHOWN_CHARS + 2


def test_half_a_surrogate_pair_is_printable_and_all_else_stays_as_it_is() -> None:
    """JSON and terminals are UTF-8, which cannot carry it."""
    assert printable("caf\udce9 \ud800 café 😀") == "caf\\udce9 \\ud800 café 😀"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "abc"),
        ("openai_api_keys", "abc"),
        ("password", "abc"),
        ("token", "abc"),
        ("access_token", "abc"),
        ("anything", "sk-abc"),
        ("anything", "Bearer abc"),
    ],
)
def test_a_secret_is_never_shown(name: str, value: str) -> None:
    """Settings use the same words, and a log is no place for keys."""
    assert "abc" not in shown(value, name=name)


def test_a_misspelt_secret_is_not_shown_either() -> None:
    """The unknown key's value is hidden when what was meant is a secret."""
    error = {"type": "extra_forbidden", "loc": ("api_kye",), "input": "abc", "msg": ""}
    said = describe(error, known=("api_key", "name"), raw="abc")
    assert "abc" not in said
    assert "`api_key`" in said


def test_max_tokens_is_no_secret() -> None:
    """Nor are the ids of keys."""
    assert shown(256, name="max_tokens") == "256"
    assert shown("team-a", name="keys") == '"team-a"'


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("temprature", " Did you mean `temperature`?"),
        ("TOP_P", " Did you mean `top_p`?"),
        ("zzz", " Known here: `temperature`, `top_p`."),
    ],
)
def test_a_near_name_is_suggested_else_all_are_named(given: str, said: str) -> None:
    """A person always gets a next step."""
    assert suggestion(given, ("temperature", "top_p")) == said


def test_exchanged_letters_come_before_a_letter_too_many() -> None:
    """`modle` is `model` typed too fast."""
    assert suggestion("modle", ("mode", "model")) == " Did you mean `model`?"
    assert suggestion("modes", ("mode", "model")) == " Did you mean `mode`?"


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    """Free mappings have no names."""
    assert suggestion("x", ()) == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "never_heard_of", "input": 3, "msg": "Bad luck"}, "bad luck (3)."),
        (
            {"type": "value_error", "input": 3, "msg": "", "ctx": {"error": ValueError("no.")}},
            "no.",
        ),
        ({"type": "bool_type", "input": "yes", "msg": ""}, '"yes" is not true or false.'),
        ({"type": "dict_type", "input": None, "msg": ""}, "has no value; a mapping"),
    ],
)
def test_any_error_of_pydantic_gets_words(error: dict[str, Any], said: str) -> None:
    """Also those without a sentence of their own."""
    assert describe({"loc": ("x",), **error}, known=(), raw=None).startswith(said)
