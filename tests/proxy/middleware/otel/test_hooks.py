"""A proxy that nobody watches."""

from __future__ import annotations

import subprocess
import sys

from proxy.middleware.otel.hooks import Hooks
from proxy.upstream.choose import AutoClient
from tests.edge import StubJudge


def test_everything_stays_as_it_is() -> None:
    """The very same objects, and no layer more around a request."""
    hooks, client, judge = Hooks(), AutoClient(), StubJudge()
    assert hooks.client(client) is client
    assert hooks.judge(judge) is judge
    assert hooks.middleware(frozenset({"/v1/chat/completions"})) == []

    def prepare(*_: object) -> None:
        """Stand for the pipeline's own."""

    assert hooks.prepare(prepare) is prepare  # type: ignore[arg-type, comparison-overlap]  # any callable will do


def test_nothing_of_opentelemetry_is_imported() -> None:
    """By a whole proxy, as long as no variable asks for it."""
    program = (
        "import sys; from proxy.app import build; from proxy.settings import Settings;"
        "build(Settings.model_validate({'models': [{'name': 'fake', 'backend': 'scripted'}]}),"
        " environ={}); print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
