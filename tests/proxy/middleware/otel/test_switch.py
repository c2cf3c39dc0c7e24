"""When anything is sent anywhere."""

from __future__ import annotations

import logging

import pytest

from proxy.middleware.otel import switch
from proxy.middleware.otel.hooks import Hooks
from proxy.middleware.otel.switch import INSTALL, hooks, is_asked_for

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "is_on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "chat"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, True),
    ],
)
def test_environment_decides(environ: dict[str, str], is_on: bool) -> None:  # noqa: FBT001 - a parameter
    """A name alone sends nothing; an endpoint does, unless the SDK is disabled."""
    assert is_asked_for(environ) is is_on


def test_nobody_asks() -> None:
    """No import, no layer."""
    assert type(hooks({}, ())) is Hooks


def test_missing_package_is_said_and_the_proxy_starts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some clusters put an endpoint into every container's environment."""
    monkeypatch.setattr(switch, "find_spec", lambda _name: None)
    with caplog.at_level(logging.WARNING):
        assert type(hooks(ENDPOINT, ())) is Hooks
    assert INSTALL in caplog.text
