"""What crosses between parent and worker arrives as it was sent."""

from __future__ import annotations

import pickle
from pathlib import Path

from proxy.backends.engine_state import EngineState
from proxy.metrics.deltas import Delta
from proxy.policy.store import PolicyStore
from proxy.serve.messages import Orders, Policies
from proxy.settings import Settings
from tests.edge import write_policy


def test_orders_carry_settings_and_policies(tmp_path: Path) -> None:
    """Whole, with the same identities."""
    write_policy(tmp_path, "careful", "decoding: {temperature: 0.5, max_tokens: {max: 9}}\n")
    write_policy(tmp_path, "broken", "nonsense: 1\n")
    snapshot = PolicyStore(tmp_path).reload()
    engines = {"key": EngineState("/tmp/e.sock", is_ready=True, restarts=2)}
    sent = Orders(
        Settings(workers=2), "worker-1", "/p.sock", snapshot, engines, is_replacement=True
    )
    got: Orders = pickle.loads(pickle.dumps(sent))
    assert got.settings == sent.settings
    assert got.engines == engines
    assert got.policies.policies == snapshot.policies
    assert got.policies.refs == snapshot.refs
    assert got.policies.problems == snapshot.problems


def test_figures_and_policies_cross(tmp_path: Path) -> None:
    """Counters by their labels; a snapshot with its number."""
    delta = Delta({"a_total": {("x", "y"): 2.0}, "b": {(): ([1, 0], 0.5)}}, {"g": 3.0})
    assert pickle.loads(pickle.dumps(delta)) == delta
    snapshot = PolicyStore(tmp_path).reload()
    assert pickle.loads(pickle.dumps(Policies(snapshot))).snapshot.number == snapshot.number
