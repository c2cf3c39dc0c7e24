"""What users may set limits to, and what a run's record has of them."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import SettingsError
from tuner.limits import SPECS, Limits, Spec, parse_limits


@pytest.mark.parametrize(
    ("typed", "limits"),
    [
        ([], Limits()),
        (["over-refusal=10%"], Limits(over_refusal=0.1)),
        (["over-refusal = 0.1"], Limits(over_refusal=0.1)),
        (["length-most=3x", "length-least=0.7"], Limits(length_most=3.0, length_least=0.7)),
        (["tokens=80", "echo=1"], Limits(tokens=80.0, echo=1.0)),
    ],
)
def test_limits_are_typed_as_people_think_of_them(typed: list[str], limits: Limits) -> None:
    """Shares with or without a percent sign; what is not said stays as it is."""
    assert parse_limits(typed) == limits


@pytest.mark.parametrize(
    "typed",
    ["over-refusal=10", "degenerate=-1%", "echo=nan", "echo=1e400", "echo", "echo=", "echo=5x",
     "length-most=0.5", "length-least=2", "tokens=0", "tokens=8%"],
)  # fmt: skip
def test_a_value_out_of_its_range_or_unit_is_refused(typed: str) -> None:
    """And the message says what it may be."""
    name = typed.partition("=")[0]
    with pytest.raises(SettingsError, match=f"--limit {typed}: {name} takes .* such as "):
        parse_limits([typed])


def test_every_mistake_is_said_at_once_and_known_names_are_listed() -> None:
    """One run of the command shows them all."""
    with pytest.raises(SettingsError) as raised:
        parse_limits(["overrefusal=5%", "echo=2%", "echo=3%", "tokens=many"])
    said = [str(problem) for problem in raised.value.problems]
    assert len(said) == 3
    assert "Did you mean over-refusal?" in said[0]
    assert all(name in said[0] for name in SPECS)
    assert said[1] == "--limit echo=3%: is given twice."


@st.composite
def _settings(draw: st.DrawFn) -> tuple[str, Spec, float]:
    name = draw(st.sampled_from(list(SPECS)))
    spec = SPECS[name]
    return name, spec, round(draw(st.floats(spec.least, spec.most)), 6)


@given(st.lists(_settings(), unique_by=lambda one: one[0]))
def test_what_is_said_of_limits_sets_the_same_limits(said: list[tuple[str, Spec, float]]) -> None:
    """As a policy file and the report's command have it, and through a run's record."""
    within = [one for one in said if one[1].least <= one[2] <= one[1].most]
    limits = parse_limits([f"{name}={value!r}" for name, _, value in within])
    assert parse_limits(limits.typed()) == parse_limits(limits.changed()) == limits
    assert Limits.from_json(json.loads(json.dumps(asdict(limits)))) == limits


def test_a_run_from_before_echo_and_length_had_limits_has_none() -> None:
    """Its decisions are replayed as they were made."""
    old = Limits.from_json(None)
    assert (old.echo, old.length_least, old.length_most) == (None, None, None)
    assert (old.over_refusal_gain, old.degenerate, old.unscored) == (0.05, 0.05, 0.02)


def test_every_limit_has_a_name() -> None:
    """None can be had that cannot be set."""
    assert sorted(spec.field for spec in SPECS.values()) == sorted(asdict(Limits()))
