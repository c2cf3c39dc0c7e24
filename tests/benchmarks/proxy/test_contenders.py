"""How the contenders are started."""

from __future__ import annotations

from pathlib import Path

from benchmarks.proxy import contenders
from benchmarks.proxy.contenders import CONTENDERS
from proxy.policy.store import PolicyStore
from proxy.settings import load_settings


def test_ours_has_a_key_a_policy_and_a_judge(tmp_path: Path) -> None:
    """Its whole path."""
    program = contenders.guardtune(tmp_path, 9101)
    settings = load_settings(config=tmp_path / "guardtune.yaml", environ={}, flags={})
    assert [key.id for key in settings.keys] == ["benchmark"]
    assert settings.models[0].name == "mock"
    store = PolicyStore(Path(settings.policies))
    store.reload()
    assert [policy.name for policy in store.snapshot.policies] == ["benchmark"]
    assert not store.snapshot.problems
    assert program.environ.keys() == {"BENCHMARK_KEY"}


def test_each_has_a_name_for_the_page(tmp_path: Path) -> None:
    """And is told where to listen, and whom to ask."""
    programs = [
        contenders.mock(),
        contenders.bare(9101),
        contenders.raw(9101),
        contenders.litellm(Path("/somewhere/bin/python"), tmp_path, 9101),
        contenders.guardtune(tmp_path, 9101),
    ]
    assert {program.name for program in programs} | {"nginx"} == CONTENDERS.keys()
    assert all("{port}" in program.command for program in programs)
    assert "/v1" in (tmp_path / "litellm.yaml").read_text()
