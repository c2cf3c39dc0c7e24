"""The alert rules: valid, tested, about metrics that exist, and all tested."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.metrics import CATALOGUE
from proxy.metrics.engine import FIGURES, RESTARTS

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"
GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"]
TESTS = ("rules_test.yml", "rules_day_test.yml")
RULES = [rule for group in GROUPS for rule in group["rules"]]


def _promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_configuration_and_rules_are_valid() -> None:
    """By Prometheus' own word."""
    _promtool("check", "config", "prometheus.yml")


@pytest.mark.prometheus
def test_rules_do_what_their_tests_say() -> None:
    """`promtool test rules`, on series made up for them."""
    _promtool("test", "rules", *TESTS)


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    """An alert that cannot fire is worse than none."""
    fired = {
        case["alertname"]
        for name in TESTS
        for test in yaml.safe_load((FOLDER / name).read_text("utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
        if case.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in RULES if "alert" in rule}


def test_rules_ask_only_for_metrics_that_exist() -> None:
    """Or for what other rules record."""
    known = {spec.name for spec in CATALOGUE} | set(FIGURES) | {RESTARTS[0]}
    known |= {rule["record"] for rule in RULES if "record" in rule}
    asked = {
        re.sub(r"_bucket$", "", name)
        for rule in RULES
        for name in re.findall(r"guardtune[_:][a-z0-9_:]+", rule["expr"])
    }
    assert asked <= known


def test_every_alert_says_what_to_do_and_how_bad_it_is() -> None:
    """To somebody who is woken by it."""
    for rule in RULES:
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"].keys() == {"summary", "description"}
