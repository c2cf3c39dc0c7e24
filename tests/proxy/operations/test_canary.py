"""Which version is a canary of what."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.operations.canary import canaries, canaries_on
from proxy.policy.store import PolicyStore
from tests.edge import write_policy

CANARY = "rollout: {share: 0.1}\nmatch: {priority: 5}"


@pytest.mark.parametrize(
    ("policies", "key_ids", "pairs"),
    [
        ({"base": ""}, (), []),
        ({"canary": CANARY}, (), [("canary", "passthrough")]),
        ({"base": "", "canary": CANARY}, (), [("canary", "base")]),
        ({"base": "", "canary": CANARY, "second": "rollout: {share: 0.2}"}, (),
         [("canary", "base")]),
        ({"base": "", "canary": CANARY, "second": "rollout: {share: 0.2}\nmatch: {priority: 4}"},
         (), [("canary", "base"), ("second", "base")]),
        ({"base": "", "shadow": "rollout: {share: 0.0}\nmatch: {priority: 5}"}, (),
         [("shadow", "base")]),
        ({"base": "", "whole": "rollout: {share: 1.0}\nmatch: {priority: 5}"}, (), []),
        ({"base": "", "canary": CANARY, "team": "match: {keys: [a], priority: 1}"}, ("a", "b"),
         [("canary", "team"), ("canary", "base")]),
        ({"other": "match: {models: [other]}", "canary": CANARY}, (),
         [("canary", "passthrough")]),
    ],
    ids=["none", "of passing through", "of the next", "a shadowed one is none", "two", "share 0",
         "share 1", "a key's own stable version", "not this model"],
)  # fmt: skip
def test_canary_stands_beside_what_is_selected_without_it(
    tmp_path: Path, policies: dict[str, str], key_ids: tuple[str, ...], pairs: list[object]
) -> None:
    """The stable version is the next match that takes the rest."""
    for name, rest in policies.items():
        write_policy(tmp_path, name, rest)
    snapshot = PolicyStore(tmp_path).reload()
    found = canaries(snapshot, model="m", key_ids=key_ids)
    assert [(canary.new.name, canary.old.name) for canary in found] == pairs


def test_both_versions_are_what_is_probed(tmp_path: Path) -> None:
    """As probes know them."""
    write_policy(tmp_path, "canary", CANARY)
    (canary,) = canaries(PolicyStore(tmp_path).reload(), model="m", key_ids=())
    assert canary.keys == (("m", canary.new), ("m", canary.old))


def test_canaries_of_several_models_know_whether_theirs_is_probed(tmp_path: Path) -> None:
    """One that is not has a say in a promotion all the same."""
    write_policy(tmp_path, "canary", CANARY)
    found = canaries_on(PolicyStore(tmp_path).reload(), {"a": True, "b": False}, key_ids=())
    assert [(canary.model, canary.is_probed) for canary in found] == [("a", True), ("b", False)]
