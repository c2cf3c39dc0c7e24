"""From a record to a policy file: with provenance, atomically, and not without validation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import SettingsError, StoreError
from proxy.evaluation.store import EvaluationStore
from proxy.policy.schema import PASSTHROUGH
from proxy.policy.source import load_policy
from tests.tuner.conftest import OpenSession
from tuner.config import RunConfig
from tuner.export import refuse_unexportable, tuned_policy, why_not
from tuner.policy_file import write_policy
from tuner.record import Record
from tuner.session import run_session


@pytest.fixture
def record(tmp_path: Path, open_session: OpenSession) -> Iterator[Record]:
    """A finished run of the toy."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        asyncio.run(run_session(open_session(store)))
        yield Record.load(store, "r")


def without(record: Record, *kinds: str) -> Record:
    """The record of a run that did not come so far."""
    kept = tuple(one for one in record.decisions if one.kind not in kinds)
    return replace(record, decisions=kept)


def with_test(record: Record, **compared: object) -> Record:
    """The same run, had its test come out otherwise."""
    changed = tuple(
        replace(one, body={**one.body, "compared": {**one.body["compared"], **compared}})
        if one.kind == "test"
        else one
        for one in record.decisions
    )
    return replace(record, decisions=changed)


def test_an_exported_policy_does_what_was_measured_and_takes_effect(
    record: Record, tmp_path: Path
) -> None:
    """The same phenotype, for the tuned model, above the base; and it loads."""
    assert why_not(record) is None
    written = write_policy(tuned_policy(record), tmp_path / "tuned")
    policy = load_policy(written, root=tmp_path / "tuned")
    assert written.name == "tuned-toy.yaml"
    assert policy.phenotype == record.chosen
    assert policy.match.models == ("toy",)
    assert policy.match.priority == 10
    assert policy.ref == tuned_policy(record).ref


def test_provenance_holds_validation_and_test_but_no_search_figures(record: Record) -> None:
    """Every objective with n and interval, beside the baseline's; search numbers are no results."""
    found = tuned_policy(record).provenance
    assert found is not None
    assert found.run == "r"
    assert found.seed == 8
    assert found.base == str(PASSTHROUGH.ref)
    assert found.model is not None
    assert found.model.sha256 == "0" * 64
    assert found.judge == "toy-1"
    assert set(found.objectives) == set(found.baseline) == {"validation", "test"}
    harmful = found.objectives["test"]["harmful"]
    assert harmful.n == 40
    assert harmful.low is not None
    assert harmful.low <= harmful.value
    assert found.search["candidates"] == 26


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (("validation", "test"), "has been validated"),
        (("test",), "has not been tested"),
    ],
)
def test_export_refuses_without_a_record_unless_forced(
    record: Record, missing: tuple[str, ...], reason: str
) -> None:
    """A forced policy says so in its description."""
    unproven = without(record, *missing)
    with pytest.raises(StoreError, match=reason):
        tuned_policy(unproven)
    forced = tuned_policy(unproven, name="risky", force=True)
    assert forced.name == "risky"
    assert forced.description is not None
    assert forced.description.startswith("Exported by force")


def test_a_forced_policy_is_the_one_that_was_tested(record: Record) -> None:
    """Where validation picked nothing, its figures are not those of another finalist."""
    unpicked = tuple(
        replace(one, body={**one.body, "chosen": None}) if one.kind == "validation" else one
        for one in record.decisions
    )
    policy = tuned_policy(replace(record, decisions=unpicked), force=True)
    tested = record.find("test")
    assert tested is not None
    assert policy.phenotype == tested["key"]


def test_what_was_tested_and_has_not_held_up_is_a_shadow(record: Record) -> None:
    """Less harm at the point estimate may be chance: measured, given to nobody, under its name."""
    unproven = with_test(record, harmful={"gap": -0.1, "high": 0.02})
    policy = tuned_policy(unproven)
    assert policy.name == "tuned-toy-shadow"
    assert policy.rollout is not None
    assert policy.rollout.share == 0.0
    assert policy.description is not None
    assert "given to nobody, because the test split does not show" in policy.description
    assert tuned_policy(unproven, force=True).rollout is None


def test_what_exceeds_a_limit_on_the_test_is_a_shadow_shown_or_not(record: Record) -> None:
    """As relevance is: what keeps to five points on validation alone is given to nobody."""
    tested = record.find("test")
    assert tested is not None
    first, *others = tested["compared"]["limits"]
    beyond = {**first, "value": 0.108, "is_met": False, "is_violated": False}
    unproven = with_test(record, limits=[beyond, *others])
    assert why_not(unproven) == "on the test split a limit is exceeded: over-refusal above baseline"
    assert tuned_policy(unproven).name == "tuned-toy-shadow"


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"seed": -1}, "--seed"),
        ({"base": "schema: 1\nname: b\nmatch: {priority: 1000000}\n"}, "--base"),
        ({"model": {"name": "m" * 300}}, "--model"),
    ],
)
def test_what_could_not_be_exported_is_refused_by_its_option(
    toy_config: RunConfig, changes: dict[str, Any], option: str
) -> None:
    """Before anything is paid for."""
    refuse_unexportable(toy_config, suite="toy", judge="toy-1")
    with pytest.raises(SettingsError, match=f"^{option}: no policy could be exported"):
        refuse_unexportable(replace(toy_config, **changes), suite="toy", judge="toy-1")


def test_nothing_can_be_forced_out_of_an_empty_run(record: Record) -> None:
    """Not even a guess."""
    with pytest.raises(StoreError, match="nothing to export"):
        tuned_policy(without(record, "validation", "test", "generation"), force=True)


def test_a_canary_gets_its_share_and_does_the_same(record: Record) -> None:
    """The others get what they got before."""
    policy = tuned_policy(record, canary=0.1)
    assert policy.rollout is not None
    assert policy.rollout.share == 0.1
    assert policy.phenotype == record.chosen
    assert tuned_policy(record).rollout is None
