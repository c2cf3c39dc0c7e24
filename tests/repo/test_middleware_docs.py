"""What docs/middleware.md shows is run, and it lists every option there is."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.adapters.asgi import ROUTES, GuardTune
from proxy.adapters.litellm_options import PREFIX, LiteLLMOptions
from tests.asgi import call
from tests.edge import write_policy
from tests.integration.litellm_proxy import interpreter

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "middleware.md").read_text(encoding="utf-8")
STARLETTE, FASTAPI = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 2}
UNDER_POLICY = {**ASK, "temperature": 0.5}

_ASK_IT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.asgi import call
reply = asyncio.run(call(app, "POST", "/v1/chat/completions", body={body!r}))
sys.stdout.write(reply.body.decode())
"""


@pytest.fixture
def _policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_policy(tmp_path / "policies", "careful", "decoding: {temperature: 0.5}\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_policies")
def test_starlette_example_runs() -> None:
    """As it stands."""
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(STARLETTE, "docs/middleware.md", "exec"), namespace)
    body = msgspec.json.encode(ASK)
    reply = asyncio.run(call(namespace["app"], "POST", "/v1/chat/completions", body=body))
    assert reply.json == {"you would ask your model": UNDER_POLICY}
    assert reply.headers["x-guardtune-policy"].startswith("careful@")


@pytest.mark.litellm_proxy
@pytest.mark.usefixtures("_policies")
def test_fastapi_example_runs(tmp_path: Path) -> None:
    """Where LiteLLM's proxy is, there is FastAPI."""
    code = FASTAPI + _ASK_IT.format(root=str(ROOT), body=msgspec.json.encode(ASK))
    said = subprocess.run(
        [interpreter(tmp_path / "venv"), "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert msgspec.json.decode(said.stdout) == {"you would ask your model": UNDER_POLICY}


def test_every_option_of_the_middleware_is_listed() -> None:
    """And every route that it guards by default."""
    options = inspect.signature(GuardTune.__init__).parameters.keys() - {"self", "app"}
    assert [name for name in options if f"\n| `{name}` |" not in PAGE] == []
    assert [path for path in ROUTES if f"`{path}`" not in PAGE] == []


def test_every_variable_of_the_hook_is_listed() -> None:
    """Under its whole name."""
    names = [PREFIX + name.upper() for name in LiteLLMOptions.model_fields]
    assert [name for name in names if f"\n| `{name}` |" not in PAGE] == []
