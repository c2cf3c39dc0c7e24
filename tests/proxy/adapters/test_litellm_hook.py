"""The hook between LiteLLM and its models."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

from proxy.adapters.litellm_overrides import on_chat
from proxy.backends.litellm_fields import DETOURS
from proxy.errors import PolicyError, SettingsError
from tests.edge import write_policy
from tests.proxy.adapters.host_app import ASK, POLICY
from tests.proxy.adapters.litellm_rig import Call, Rig, module, running_router

TURNS = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
MESSAGES = [{"role": "system", "content": "Be careful."}, *TURNS, *ASK["messages"]]


@pytest.fixture(autouse=True)
def _router(monkeypatch: pytest.MonkeyPatch) -> None:
    running_router(monkeypatch)


@pytest.mark.parametrize("call_type", ["completion", "acompletion"])
@pytest.mark.parametrize("stream", [False, True])
def test_chat_is_put_under_its_policy(tmp_path: Path, call_type: str, *, stream: bool) -> None:
    """Streaming or not, and the answer says so."""
    rig = Rig(tmp_path)
    given, told = rig.put(call_type, temperature=2, stream=stream)
    limits = {"temperature": 0.5, "max_tokens": 8}
    assert given == {"model": "m", "messages": MESSAGES, "stream": stream, **limits}
    assert told["x-guardtune-policy"].startswith("careful@")
    assert told["x-guardtune-overridden"] == "temperature"


def test_other_routes_are_guarded_in_their_own_words(tmp_path: Path) -> None:
    """Text completions have no conversation."""
    rig = Rig(tmp_path)
    given, told = rig.put("atext_completion", prompt="hi", temperature=2)
    assert (given["prompt"], given["temperature"]) == ("hi", 0.5)
    assert told["x-guardtune-ignored"] == "system_prompt, demonstrations"
    given, _ = rig.put("aresponses", input="hi", max_output_tokens=99)
    assert given["instructions"] == "Be careful."
    assert given["input"] == [*TURNS, {"role": "user", "content": "hi"}]
    assert given["max_output_tokens"] == 8


def test_provider_decides_what_is_honoured(tmp_path: Path) -> None:
    """By the deployments that stand behind the model's name, and counted under it."""
    rig = Rig(tmp_path, "decoding: {top_k: 4}\n")
    assert rig.put()[1]["x-guardtune-ignored"] == "top_k"
    assert rig.put(model="local")[0]["top_k"] == 4
    labels = {"model": "m", "setting": "top_k"}
    assert rig.registry.get_sample_value("guardtune_settings_ignored_total", labels) == 1


@pytest.mark.parametrize("field", sorted({*on_chat({}, {}, {}).overrides, *DETOURS}))
def test_no_override_comes_through(tmp_path: Path, field: str) -> None:
    """One row of the tables each, and the client is told."""
    rig = Rig(tmp_path)
    given, told = rig.put(**{field: "x"})
    assert field not in given
    assert field in told["x-guardtune-overridden"].split(", ")


@pytest.mark.parametrize("field", ["max_completion_tokens", "n_predict"])
def test_no_alias_comes_through(tmp_path: Path, field: str) -> None:
    """The limit holds under its own name."""
    asked: dict[str, Any] = {field: 99}
    given, _ = Rig(tmp_path).put(**asked)
    assert field not in given
    assert given["max_tokens"] == 8


def test_request_cannot_name_other_models_beside_the_one(tmp_path: Path) -> None:
    """Neither as fallbacks, some with messages of their own, nor several at once."""
    rig = Rig(tmp_path)
    given, told = rig.put(fallbacks=[{"model": "local", "messages": []}])
    assert "fallbacks" not in given
    assert told["x-guardtune-overridden"] == "fallbacks"
    assert rig.refusal(model="m,local").status_code == 400
    assert rig.refusal(model=None).status_code == 400


def test_deployments_id_does_not_lead_around_its_groups_policy(tmp_path: Path) -> None:
    """LiteLLM would ask that very deployment."""
    rig = Rig(tmp_path, "match: {models: [mixed]}\ndecoding: {temperature: 0.5}\n")
    given, _ = rig.put(model="one-of-mixed", temperature=2)
    assert (given["model"], given["temperature"]) == ("one-of-mixed", 0.5)


def test_policies_may_name_litellms_keys(tmp_path: Path) -> None:
    """By their alias."""
    rig = Rig(tmp_path, "match: {keys: [team-a]}\n" + POLICY)
    caller = SimpleNamespace(key_alias="team-a", team_id=None)
    assert rig.put(caller=caller)[0]["messages"] == MESSAGES
    assert rig.put()[0]["messages"] == ASK["messages"]


def test_refusals_have_what_litellm_makes_an_error_of(tmp_path: Path) -> None:
    """It reads these attributes."""
    rig = Rig(tmp_path, "match: {models: [other]}\n", require_policy=True)
    refusal = rig.refusal()
    assert (refusal.status_code, refusal.type) == (403, "permission_error")
    assert (refusal.param, refusal.code) == (None, "policy_required")
    assert refusal.provider_specific_fields == {"guardtune_code": "policy_required"}
    assert refusal.message == str(refusal)


def test_strict_refuses_what_would_undo_the_policy(tmp_path: Path) -> None:
    """Among it what leads past it."""
    rig = Rig(tmp_path, strict=True)
    for fields in ({"temperature": 2}, {"fallbacks": ["x"]}, {"extra_body": {"temperature": 2}}):
        assert rig.refusal(**fields).code == "enforced_by_policy"
    rig.put(extra_body={"guided_json": {}})


@pytest.mark.parametrize(
    "call_type",
    ["anthropic_messages", "pass_through_endpoint", "_arealtime", "acreate_batch", "brand_new"],
)
def test_calls_that_no_policy_can_be_applied_to_are_refused(tmp_path: Path, call_type: str) -> None:
    """Unless an operator lets them pass; then they are counted."""
    assert Rig(tmp_path / "closed").refusal(call_type).code == "route_not_guarded"
    rig = Rig(tmp_path / "open", litellm_passthrough=call_type)
    given, told = rig.put(call_type, temperature=2)
    assert (given["temperature"], told) == (2, {})
    labels = {"route": call_type}
    assert rig.registry.get_sample_value("guardtune_unguarded_total", labels) == 1


def test_calls_that_generate_no_text_pass(tmp_path: Path) -> None:
    """There is nothing to guard."""
    rig = Rig(tmp_path, require_policy=True)
    given, told = rig.put("aembedding", input="hi")
    assert (given["input"], told) == ("hi", {})
    labels = {"route": "aembedding"}
    assert rig.registry.get_sample_value("guardtune_unguarded_total", labels) is None


def test_unguarded_answers_are_counted_once_they_are_there(tmp_path: Path) -> None:
    """Under the route of ours."""
    rig = Rig(tmp_path, "match: {models: [other]}\n")
    _, told = rig.put()
    assert told["x-guardtune-policy"].startswith("passthrough@")
    labels = {"route": "/v1/chat/completions"}
    assert rig.registry.get_sample_value("guardtune_unguarded_total", labels) == 1


def _failing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(rig.hook._guard, "choose", fail)


def test_hook_that_fails_fails_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told nothing of its insides, and the log has it all."""
    rig = Rig(tmp_path)
    _failing(rig, monkeypatch)
    with caplog.at_level(logging.ERROR):
        refusal = rig.refusal(temperature=2)
    assert (refusal.status_code, refusal.code) == (503, "guard_failed")
    assert "a bug" not in str(refusal)
    assert refusal.__context__ is None
    assert "a bug" in caplog.text
    assert rig.registry.get_sample_value("guardtune_internal_errors_total") == 1


def test_hook_may_fail_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The request passes as it came, and is counted."""
    rig = Rig(tmp_path, litellm_on_failure="open")
    _failing(rig, monkeypatch)
    with caplog.at_level(logging.ERROR):
        given, told = rig.put(temperature=2)
    assert (given, told) == ({**ASK, "temperature": 2}, {})
    labels = {"route": "/v1/chat/completions"}
    assert rig.registry.get_sample_value("guardtune_unguarded_total", labels) == 1
    with pytest.raises(rig.refused):
        rig.put("anthropic_messages")


def test_changed_policy_holds_for_the_next_request(tmp_path: Path) -> None:
    """While LiteLLM runs."""
    rig = Rig(tmp_path)

    async def main() -> float:
        changed = asyncio.Event()
        rig.hook._policies.store.subscribe(lambda _old, _new: changed.set())
        await rig.hook.async_pre_call_hook(None, None, {**ASK}, "acompletion")
        write_policy(tmp_path, "careful", "decoding: {temperature: 0.1}\n")
        async with asyncio.timeout(30):
            await changed.wait()
        data = await rig.hook.async_pre_call_hook(None, None, {**ASK}, "acompletion")
        await rig.hook._policies.close()
        return float(data["temperature"])

    assert asyncio.run(main()) == 0.1


def test_nothing_is_kept_of_a_call_that_is_over(tmp_path: Path) -> None:
    """Not even where nobody asked for its headers."""
    rig = Rig(tmp_path)

    async def main() -> None:
        call = Call()
        data = {**ASK, "litellm_logging_obj": call}
        await rig.hook.async_pre_call_hook(None, None, data, "acompletion")
        assert len(rig.hook._said) == 1

    asyncio.run(main())
    gc.collect()
    assert len(rig.hook._said) == 0


def test_batch_record_has_no_answer_of_its_own(tmp_path: Path) -> None:
    """LiteLLM shows us each one, and takes over what it has become."""
    rig = Rig(tmp_path)
    data = asyncio.run(rig.hook.async_pre_call_hook(None, None, {**ASK}, "acompletion"))
    assert data["messages"] == MESSAGES
    assert type(rig.hook).enforces_request_content
    assert asyncio.run(rig.hook.async_post_call_response_headers_hook(data, None, None)) is None


def test_litellm_sees_that_the_hook_overrides_its_hooks(tmp_path: Path) -> None:
    """It looks at the class itself, and at the names of the arguments."""
    hook = Rig(tmp_path).hook
    assert {"async_pre_call_hook", "async_post_call_response_headers_hook"} <= vars(
        type(hook)
    ).keys()
    assert isinstance(hook, type(hook).__mro__[1])


def test_hook_is_made_from_the_environment_when_litellm_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; under the name that its configuration gives."""
    hooks = module("litellm_hook")
    registry = CollectorRegistry()
    monkeypatch.setattr(prometheus_client, "REGISTRY", registry)
    monkeypatch.delenv("GUARDTUNE_POLICIES", raising=False)
    with pytest.raises(SettingsError, match="policies"):
        _ = hooks.guardtune
    monkeypatch.setenv("GUARDTUNE_POLICIES", str(tmp_path / "missing"))
    with pytest.raises(PolicyError):
        _ = hooks.guardtune
    monkeypatch.setenv("GUARDTUNE_POLICIES", str(tmp_path))
    made = hooks.guardtune
    monkeypatch.delitem(vars(hooks), "guardtune")
    assert isinstance(made, hooks.GuardTuneHook)
    assert registry.get_sample_value("guardtune_policy_problems") is not None
    with pytest.raises(AttributeError):
        _ = hooks.something_else
