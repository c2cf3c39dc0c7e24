"""What a file is, found out at no risk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

from proxy.engine.inspection import InspectionError, inspect, inspect_here
from proxy.engine.weights import default_cache, find_weights

pytestmark = pytest.mark.gguf


def _smollm() -> Path:
    return find_weights("embedded", convert=None, cache=default_cache()).original


def test_facts_of_smollm2() -> None:
    """The same from another process as from this one."""
    facts = inspect(_smollm())
    assert facts == inspect_here(_smollm())
    assert facts.chat_template is not None
    assert (facts.architecture, facts.weights) == ("llama", "Q4_1")
    assert (facts.n_parameters, facts.n_ctx_tokens) == (134_515_008, 8192)
    assert 90e6 < facts.n_bytes < 100e6


@pytest.mark.parametrize("n_bytes", [4, 100, 1_000_000])
def test_file_that_was_cut_off_says_what_llama_cpp_said(tmp_path: Path, n_bytes: int) -> None:
    """And nothing is printed meanwhile."""
    path = tmp_path / "cut.gguf"
    with _smollm().open("rb") as whole:
        path.write_bytes(whole.read(n_bytes))
    with pytest.raises(InspectionError, match=r"llama\.cpp does not load it: .+"):
        inspect(path)


class _Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.abort, ()


def test_file_that_kills_llama_cpp_costs_the_other_process_only() -> None:
    """Some damaged files do."""
    with pytest.raises(InspectionError, match="aborted"):
        inspect(cast("Path", _Deadly()))
