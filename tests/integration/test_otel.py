"""Real servers that tell a real receiver of OTLP what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.observability.processes import free_port
from tests.edge import write_policy
from tests.integration.server import Server, serving
from tests.otel import Collector, collector

pytestmark = pytest.mark.otel

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "content-type": "application/json"}
BODY = b'{"model": "fake", "messages": [{"role": "user", "content": "private question"}]}'
SCRIPTED = {"name": "fake", "backend": "scripted", "rules": [{"answers": ["private answer"]}]}


@contextmanager
def _serving(
    folder: Path, model: Mapping[str, Any], environ: Mapping[str, str], *arguments: str
) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    write_policy(folder / "policies", "careful", "system_prompt: {text: private policy}\n")
    config = {
        "models": [model],
        "judging": {"judge": "scripted"},
        "policies": str(folder / "policies"),
        "probing": {"enabled": False},
    }
    with serving(folder, config, environ=environ, arguments=arguments) as server:
        yield server


def _environ(port: int, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=seven",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        **more,
    }


def _by_name(spans: Sequence[Any], service: str) -> dict[str, Any]:
    return {f"{service} {span.name}": span for span in spans}


def _text(span: Any, name: str) -> str | None:
    return next((one.value.string_value for one in span.attributes if one.key == name), None)


def test_one_trace_through_two_servers(tmp_path: Path) -> None:
    """From the client's span through a proxy and the proxy behind it to both verdicts."""
    with (
        collector() as behind,
        collector() as before,
        _serving(tmp_path / "b", SCRIPTED, _environ(behind.port), "--workers", "2") as second,
    ):
        model = {"name": "fake", "backend": "openai", "base_url": f"{second.url}/v1"}
        environ = _environ(before.port, OTEL_SERVICE_NAME="edge")
        with _serving(tmp_path / "a", model, environ) as first:
            reply = first.request("POST", "/v1/chat/completions", BODY, SENT)
            assert reply.status == 200
            assert first.stop() == 0
        assert second.stop() == 0
    edge, inner = _by_name(before.spans, "edge"), _by_name(behind.spans, "inner")
    for spans, service in ((edge, "edge"), (inner, "inner")):
        assert sorted(spans) == sorted(
            f"{service} {name}"
            for name in ("POST /v1/chat/completions", "apply policy", "chat fake",
                         "guardrail scripted-1")
        )  # fmt: skip
        assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    call = edge["edge chat fake"]
    assert inner["inner POST /v1/chat/completions"].parent_span_id == call.span_id
    assert edge["edge guardrail scripted-1"].parent_span_id == call.span_id
    assert _text(edge["edge guardrail scripted-1"], "guardtune.verdict.outcome") is not None
    _check_resources(before, "edge")
    _check_resources(behind, "guardtune")
    _check_metrics(before, {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"})
    _check_metrics(behind, {"gen_ai.client.operation.duration", "gen_ai.server.request.duration"})
    assert b"private" not in b"".join(before.bodies + behind.bodies)


def _check_resources(found: Collector, service: str) -> None:
    assert {one["service.name"] for one in found.resources} == {service}
    assert {one["deployment.environment.name"] for one in found.resources} == {"test"}
    assert {headers["x-tenant"] for headers in found.headers} == {"seven"}


def _check_metrics(found: Collector, names: set[str]) -> None:
    assert names <= {metric.name for metric in found.metrics}


@pytest.mark.parametrize(
    ("more", "n_spans", "has_texts"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off", "OTEL_METRICS_EXPORTER": "none"}, 0, False),
        ({"OTEL_SDK_DISABLED": "true"}, 0, False),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}, 4, True),
    ],
    ids=["sampled away", "disabled", "with texts"],
)
def test_variables_are_heeded(
    tmp_path: Path,
    more: dict[str, str],
    n_spans: int,
    has_texts: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Sampler, exporters, the switch, and texts only where they are asked for by name."""
    with (
        collector() as found,
        _serving(tmp_path, SCRIPTED, _environ(found.port, **more)) as server,
    ):
        headers = {"content-type": "application/json"}
        assert server.request("POST", "/v1/chat/completions", BODY, headers).status == 200
        assert server.stop() == 0
    assert len(found.spans) == n_spans
    assert (b"private question" in b"".join(found.bodies)) is has_texts


def test_receiver_that_is_not_there_keeps_nobody(tmp_path: Path) -> None:
    """Requests are answered, and the server stops: it asks for a moment longer, no more."""
    with _serving(tmp_path, SCRIPTED, _environ(free_port())) as server:
        assert server.chat("good day").status == 200
        assert server.stop() == 0
