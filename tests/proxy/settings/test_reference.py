"""The page about settings is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from proxy.serve.command import parser
from proxy.settings import Settings
from proxy.settings.reference import EXAMPLE, markdown
from proxy.settings.source import FROM_ENVIRONMENT

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def test_page_is_fresh() -> None:
    """`make docs` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_example_is_valid() -> None:
    """People copy it."""
    settings = Settings.model_validate(yaml.safe_load(EXAMPLE))
    assert settings.probed_models == ("smollm2-135m-instruct",)


def test_every_setting_is_explained() -> None:
    """No row without a meaning."""
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    for row in rows:
        *_, meaning, _ = row.split(" | ") if row.endswith(" | ") else [*row.split(" | "), ""]
        assert len(meaning.strip(" |")) > 5, row


@pytest.mark.parametrize("name", FROM_ENVIRONMENT)
def test_variables_set_settings_that_exist(name: str) -> None:
    """A renamed setting would leave its variable dead."""
    assert name in Settings.model_fields


def test_page_has_every_flag() -> None:
    """And none that is not there."""
    flags = {flag for action in parser()._actions for flag in action.option_strings}
    line = next(line for line in markdown().splitlines() if line.startswith("Flags: "))
    assert set(re.findall("--[a-z-]+", line)) == {one for one in flags if one[:2] == "--"} - {
        "--help"
    }
