"""nginx's configurations."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.proxy import nginx
from benchmarks.proxy.processes import answers, running


def test_its_files_stay_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """The port comes in when it is started."""
    program = nginx.reverse_proxy(tmp_path, 9101)
    text = (tmp_path / "nginx-nginx" / "nginx.conf").read_text()
    assert "server 127.0.0.1:9101" in text
    assert "PORT" in text
    assert "{port}" in program.command[-1]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_both_answer_a_chat(tmp_path: Path) -> None:
    """One by itself, one through the other."""
    log = tmp_path / "log"
    with (
        running(nginx.static(tmp_path), log=log) as upstream,
        running(nginx.reverse_proxy(tmp_path, upstream.port), log=log) as proxy,
    ):
        assert answers(upstream.port)
        assert answers(proxy.port)
