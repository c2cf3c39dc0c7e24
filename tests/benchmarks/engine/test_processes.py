import pytest

from benchmarks.engine.jobs import Setup
from benchmarks.engine.plan import ContenderName
from benchmarks.engine.processes import busy_neighbour, environment

_SETUP = Setup("model.gguf", 2, 16, 8192)


@pytest.mark.parametrize("name", ["guardtune", "native", "high_level", "guardtune_profiled"])
def test_all_contenders_have_the_same_openmp_variables(name: ContenderName) -> None:
    """Whatever the shell says."""
    found = environment(name, _SETUP)

    assert found["OMP_WAIT_POLICY"] == "PASSIVE"
    assert found["OMP_NUM_THREADS"] == "2"


def test_the_default_contender_has_no_openmp_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an inherited one."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("GOMP_SPINCOUNT", "0")

    found = environment("guardtune_default_openmp", _SETUP)

    assert "OMP_WAIT_POLICY" not in found
    assert "GOMP_SPINCOUNT" not in found


def test_the_busy_neighbour_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would disturb every later turn."""
    started = []

    class _Process:
        def __init__(self, command: list[str]) -> None:
            started.append(self)
            self.calls: list[str] = []

        def kill(self) -> None:
            self.calls.append("kill")

        def wait(self) -> None:
            self.calls.append("wait")

    monkeypatch.setattr("subprocess.Popen", _Process)
    with pytest.raises(KeyError), busy_neighbour():
        raise KeyError

    assert [process.calls for process in started] == [["kill", "wait"]]
