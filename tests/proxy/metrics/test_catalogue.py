"""The catalogue is what is recorded, and what is documented."""

from __future__ import annotations

import re

from proxy.metrics import CATALOGUE, Metrics


def test_names_are_unique_and_in_prometheus_form() -> None:
    """Counters end in _total, and ours begin with our name."""
    names = [spec.name for spec in CATALOGUE]
    assert len(names) == len(set(names))
    for spec in CATALOGUE:
        assert re.fullmatch(r"guardtune_[a-z0-9_]+", spec.name)
        assert spec.name.endswith("_total") == (spec.kind == "counter")


def test_everything_in_the_catalogue_is_registered() -> None:
    """A documented metric that nobody registers would be a lie."""
    text = Metrics().render().decode()
    for spec in CATALOGUE:
        assert f"# TYPE {spec.name} {spec.kind}" in text


def test_no_label_can_hold_a_user() -> None:
    """Prompt text and user ids never become labels."""
    allowed = {
        "model", "policy", "sha", "code", "stream", "type", "outcome", "reason", "kind", "result",
        "setting", "error_type", "category", "step", "route", "fallback",
    }  # fmt: skip
    assert {label for spec in CATALOGUE for label in spec.labels} <= allowed
