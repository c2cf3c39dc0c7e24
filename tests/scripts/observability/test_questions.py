"""Queries as Grafana puts them."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.observability.questions import Question, choices, fill, questions


def _variable(name: str, query: str, *, multi: bool) -> dict[str, Any]:
    return {"type": "query", "name": name, "query": query, "multi": multi}


def test_several_values_become_one_regular_expression() -> None:
    """Escaped as a PromQL string needs it."""
    chosen = {"model": ("a", "b.c"), "policy": ("p",)}
    assert fill('m{model=~"$model",policy="$policy"}', chosen) == (
        r'm{model=~"(a|b\\.c)",policy="p"}'
    )


def test_repeated_panel_asks_for_one_value() -> None:
    """The first of them; the other panels ask the same of the others."""
    assert fill('m{sha="$sha"}', {"sha": ("1", "2")}, repeat="sha") == 'm{sha="1"}'


def test_grafanas_own_interval_is_filled_in() -> None:
    """A rate needs one."""
    assert fill("rate(m[$__rate_interval])", {}, rate_interval="4s") == "rate(m[4s])"


def test_variable_that_does_not_exist_is_a_mistake() -> None:
    """Grafana would send it as it is, and Prometheus find nothing."""
    with pytest.raises(KeyError, match="modell"):
        fill('m{a="$modell"}', {"model": ("a",)})


def test_variables_depend_on_those_before_them() -> None:
    """The first value of a single one, all values of the others."""
    asked: list[tuple[str, str]] = []

    def ask(series: str, label: str) -> list[str]:
        asked.append((series, label))
        return ["x", "y"]

    dashboard = {
        "templating": {
            "list": [
                {"type": "datasource", "name": "datasource"},
                _variable("model", "label_values(m, model)", multi=False),
                _variable("policy", 'label_values(m{model="$model"}, policy)', multi=True),
            ]
        }
    }
    assert choices(dashboard, ask) == {"model": ("x",), "policy": ("x", "y")}
    assert asked == [("m", "model"), ('m{model="x"}', "policy")]


def test_variable_without_values_is_said() -> None:
    """Its name is what one looks for."""
    page = {"templating": {"list": [_variable("model", "label_values(m, model)", multi=True)]}}
    with pytest.raises(LookupError, match="model"):
        choices(page, lambda _series, _label: [])


def test_questions_carry_their_row_and_panel() -> None:
    """Two rows may have a panel of one name."""
    target = {"refId": "A", "expr": "m", "legendFormat": "{{a}}"}
    page = {
        "title": "GuardTune: harm",
        "panels": [
            {"type": "row", "title": "Now"},
            {"type": "stat", "title": "Rate", "targets": [target]},
        ],
    }
    assert list(questions(page)) == [Question("harm", "Now / Rate", "A", "m", "{{a}}")]
