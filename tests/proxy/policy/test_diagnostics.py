"""Any model checked against any document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from proxy.errors import InvalidInputError, PolicyError, SettingsError
from proxy.policy.diagnostics import validate, written_location
from proxy.policy.source import read_yaml


class _Local(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    backend: Literal["local"]
    path: str


class _Remote(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    backend: Literal["remote"]
    url: str
    retries: int | Literal["never"] = 0


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    host: str = "127.0.0.1"
    models: list[Annotated[_Local | _Remote, Field(discriminator="backend")]] = []


def mistakes(text: str) -> list[str]:
    """What is wrong with settings."""
    with pytest.raises(SettingsError) as caught:
        validate(read_yaml(Path("s.yaml"), text=text), _Settings, error=SettingsError)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_document_gives_the_model() -> None:
    """Of the class that was asked for."""
    settings = validate(read_yaml(Path("s.yaml"), text="host: example"), _Settings)
    assert settings.host == "example"


def test_an_empty_document_gives_the_defaults_where_there_are_any() -> None:
    """A settings file may hold comments only."""
    assert validate(read_yaml(Path("s.yaml"), text="# none\n"), _Settings) == _Settings()


def test_an_empty_document_is_one_problem_where_keys_are_required() -> None:
    """Not one for each key."""
    with pytest.raises(PolicyError) as caught:
        validate(read_yaml(Path("s.yaml"), text=""), _Local)
    assert str(caught.value) == "s.yaml: is empty."


def test_mistakes_inside_a_tagged_union_have_the_place_as_written() -> None:
    """Labels of union members are no part of the file."""
    assert mistakes("models:\n- backend: remote\n  url: 3\n  retrys: 2\n") == [
        's.yaml:3: models[0].url: YAML reads 3 as a number. Put it in quotes: "3".',
        "s.yaml:4: models[0].retrys: no such setting (value 2). Did you mean `retries`?",
    ]


def test_an_unknown_tag_names_the_known_ones() -> None:
    """And stands where the entry stands."""
    assert mistakes("models:\n- backend: lokal\n") == [
        "s.yaml:2: models[0]: 'backend' `lokal` is not one of 'local', 'remote'."
    ]


def test_a_union_without_a_tag_is_one_problem() -> None:
    """Its members' complaints are joined."""
    (said,) = mistakes("models: [{backend: remote, url: u, retries: often}]\n")
    assert said.endswith("is not a whole number. Or: \"often\" is not one of 'never'.")


def test_mistakes_of_yaml_and_of_the_model_come_together_in_file_order() -> None:
    """All at once, so that one round of corrections is enough."""
    said = mistakes("hots: x\nhost: a\nhost: 3\n")
    assert [line.split(":")[1] for line in said] == ["1", "3", "3"]


def test_a_document_that_is_no_yaml_is_not_checked_further() -> None:
    """Only what stops the reading is told."""
    assert len(mistakes("a: [\n")) == 1


def test_the_error_class_carries_the_problems() -> None:
    """For `/policies` and the log."""
    with pytest.raises(InvalidInputError) as caught:
        validate(read_yaml(Path("s.yaml"), text="x: 1"), _Settings)
    assert caught.value.problems[0].path == "x"
    assert caught.value.problems[0].line == 1


def test_a_missing_key_stays_part_of_the_location() -> None:
    """It is not in the data, but it is what is missing."""
    data = {"models": [{"backend": "local"}]}
    where = written_location(data, ("models", 0, "local", "path"), kind="missing")
    assert where == ("models", 0, "path")


def test_a_required_list_that_is_empty_cannot_be_left_out() -> None:
    """What can be is told so."""

    class _Vote(BaseModel):
        judges: Annotated[list[str], Field(min_length=2)]
        names: Annotated[list[str], Field(min_length=1)] = ["a"]

    with pytest.raises(PolicyError) as caught:
        validate(read_yaml(Path("v.yaml"), text="judges: []\nnames: []\n"), _Vote)
    assert [problem.message for problem in caught.value.problems] == [
        "has 0 items; at least 2 needed.",
        "has 0 items; at least 1 needed, or leave it out.",
    ]
