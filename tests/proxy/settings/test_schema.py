"""What may be set, and what follows from it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.errors import SettingsError
from proxy.judges.config import GuardModelConfig, NamedConfig
from proxy.settings import Settings, resolve_keys

FAKE = {"name": "fake", "backend": "scripted"}
DIGEST = hashlib.sha256(b"secret").hexdigest()


def _settings(**data: Any) -> Settings:
    return Settings.model_validate(data)


def test_defaults_serve_the_embedded_model_on_loopback() -> None:
    """`make run` needs no configuration."""
    settings = _settings()
    assert (settings.host, settings.port, settings.policies) == ("127.0.0.1", 8000, "policies")
    assert [model.name for model in settings.models] == ["smollm2-135m-instruct"]
    assert settings.is_loopback
    assert settings.is_metrics_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_hosts_need_keys(host: str) -> None:
    """Nobody exposes a model by mistake."""
    with pytest.raises(ValidationError, match="reachable from other machines"):
        _settings(host=host)
    assert _settings(host=host, insecure=True).host == host
    keys = [{"id": "a", "secret_sha256": DIGEST}]
    assert not _settings(host=host, keys=keys).is_metrics_open


@pytest.mark.parametrize("host", ["localhost", "::1", "127.0.0.2"])
def test_loopback_has_many_spellings(host: str) -> None:
    """None of them needs a key."""
    assert _settings(host=host).is_loopback


def test_workers_share_what_can_be_shared() -> None:
    """An engine in a child process, and limits of which each gets something."""
    inline = {"name": "local", "backend": "llama_cpp", "path": "m.gguf", "process": "inline"}
    assert _settings(workers=64).workers == 64
    assert _settings(workers=1, models=[inline]).workers == 1
    with pytest.raises(ValidationError, match=r"cannot share local.*process: inline"):
        _settings(workers=2, models=[FAKE, inline])
    with pytest.raises(ValidationError, match=r"cannot share limits\.max_in_flight, which is 3"):
        _settings(workers=4, models=[FAKE], limits={"max_in_flight": 3})


def test_names_and_ids_are_unique() -> None:
    """One name, one model."""
    with pytest.raises(ValidationError, match="model name fake is used twice"):
        _settings(models=[FAKE, FAKE])
    key = {"id": "a", "secret_sha256": DIGEST}
    with pytest.raises(ValidationError, match="key id a is used twice"):
        _settings(keys=[key, key])


def test_empty_list_of_models_is_refused() -> None:
    """A server without a model serves nothing."""
    with pytest.raises(ValidationError, match="empty list"):
        _settings(models=[])


@pytest.mark.parametrize("secrets", [{}, {"secret_env": "A", "secret_sha256": DIGEST}])
def test_key_has_exactly_one_secret(secrets: dict[str, str]) -> None:
    """Two could differ, none would let nobody in."""
    with pytest.raises(ValidationError, match="either secret_env or secret_sha256"):
        _settings(keys=[{"id": "a", **secrets}])


def test_keys_are_resolved_to_digests() -> None:
    """From the environment or as given; the secret itself is not kept."""
    settings = _settings(
        keys=[
            {"id": "a", "secret_env": "A_KEY"},
            {"id": "b", "secret_sha256": DIGEST, "admin": True},
        ]
    )
    first, second = resolve_keys(settings, {"A_KEY": " other\n"})
    assert first.digest == hashlib.sha256(b"other").digest()
    assert second.digest == bytes.fromhex(DIGEST)
    assert (first.is_admin, second.is_admin) == (False, True)


def test_two_keys_with_one_secret_are_a_mistake() -> None:
    """Nobody could say which of the two called, nor what it may do."""
    settings = _settings(
        keys=[
            {"id": "a", "secret_env": "A_KEY"},
            {"id": "b", "secret_sha256": DIGEST, "admin": True},
        ]
    )
    with pytest.raises(SettingsError, match=r"keys\[1\]: has the secret of key a\."):
        resolve_keys(settings, {"A_KEY": "secret"})


def test_missing_secrets_are_all_listed() -> None:
    """An empty variable is as good as none: it would let everybody in."""
    settings = _settings(
        keys=[{"id": "a", "secret_env": "A_KEY"}, {"id": "b", "secret_env": "B_KEY"}]
    )
    with pytest.raises(SettingsError) as caught:
        resolve_keys(settings, {"B_KEY": " \n"})
    assert [problem.path for problem in caught.value.problems] == [
        "keys[0].secret_env", "keys[1].secret_env",
    ]  # fmt: skip


def test_only_models_that_run_here_are_probed_unasked() -> None:
    """A remote model costs money."""
    remote = {"name": "remote", "backend": "openai", "base_url": "https://example.org/v1"}
    assert _settings(models=[FAKE, remote]).probed_models == ("fake",)
    asked = _settings(models=[FAKE, remote], probing={"models": ["remote"]})
    assert asked.probed_models == ("remote",)
    assert _settings(models=[FAKE], probing={"enabled": False}).probed_models == ()


GUARD = {
    "kind": "guard_model",
    "format": "llama_guard_3",
    "model": {"name": "guard", "backend": "scripted"},
}


def test_judge_is_a_name_or_a_whole_judge_and_each_model_may_have_its_own() -> None:
    """The embedded judge knows nothing of unlabelled traffic; a guard does."""
    assert _settings().judging.judge == NamedConfig(judge="embedded")
    settings = _settings(models=[FAKE], judging={"judge": GUARD, "models": {"fake": "scripted"}})
    assert isinstance(settings.judging.judge, GuardModelConfig)
    assert settings.judging.models == {"fake": NamedConfig(judge="scripted")}


def test_judge_of_a_model_that_is_not_served_is_a_mistake() -> None:
    """It would judge nothing, and nobody would notice."""
    with pytest.raises(ValidationError, match=r"names 'fakr', which is not served\. Served: fake"):
        _settings(models=[FAKE], judging={"models": {"fakr": "scripted"}})


def test_probe_of_a_model_that_is_not_served_is_a_mistake() -> None:
    """Nothing would be probed, and no canary ever decided."""
    said = r"probing\.models names 'fakr', which is not served\. Served: fake"
    with pytest.raises(ValidationError, match=said):
        _settings(models=[FAKE], probing={"models": ["fakr"]})


def test_unknown_judge_lists_those_there_are() -> None:
    """Told with the other mistakes, before anything starts."""
    with pytest.raises(ValidationError, match=r"'oracle' is no judge\. Known: embedded"):
        _settings(judging={"judge": "oracle"})


def test_canaries_go_back_and_forward_by_themselves_unless_told_otherwise() -> None:
    """Whoever writes a share asks for a rollout."""
    assert _settings().rollout.auto == "always"
    assert _settings(rollout={"auto": "rollback"}).rollout.auto == "rollback"
    with pytest.raises(ValidationError, match="'never', 'rollback' or 'always'"):
        _settings(rollout={"auto": "sometimes"})


def test_rounds_for_canaries_have_a_pause_between_them() -> None:
    """Without one, a server that has nothing to ask for would ask itself all the time."""
    with pytest.raises(ValidationError, match=r"greater than or equal to 0\.1"):
        _settings(rollout={"interval_s": 0.0})
    assert _settings(rollout={"interval_s": 0.1}).rollout.interval_s == 0.1


def test_model_is_strict_by_its_own_setting_or_the_common_one() -> None:
    """Either way round."""
    models = [
        {"name": "a", "backend": "scripted", "strict": True},
        {"name": "b", "backend": "scripted", "strict": False},
        {"name": "c", "backend": "scripted"},
    ]
    assert _settings(models=models).strict_models == {"a"}
    assert _settings(models=models, strict=True).strict_models == {"a", "c"}


@pytest.mark.parametrize("name", ["fake", "absent"])
def test_fallback_is_another_served_model(name: str) -> None:
    """A model cannot stand in for itself, and nobody else is there."""
    models = [{**FAKE, "fallbacks": [name]}, {"name": "other", "backend": "scripted"}]
    with pytest.raises(ValidationError, match=f"fallbacks names '{name}'.* Others: other"):
        _settings(models=models)


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/responses", "/v1/models", "/v1/models/x", "/metrics", "/v1/",
     "/v1/../admin", "/v1/a b", "/v1/%2e%2e/x", "/v1/{model}", "/v2/x", "v1/x", "/v1/x?y"],
)  # fmt: skip
def test_routes_that_are_ours_or_no_plain_paths_do_not_pass_through(path: str) -> None:
    """The guard is not bypassed by naming its own routes, nor by a path that means another."""
    with pytest.raises(ValidationError):
        _settings(passthrough_routes=[path])


def test_further_routes_pass_through_where_they_are_listed() -> None:
    """Once each."""
    paths = ("/v1/rerank", "/v1/audio/speech")
    assert _settings(passthrough_routes=list(paths)).passthrough_routes == paths
    with pytest.raises(ValidationError, match="route /v1/rerank is used twice"):
        _settings(passthrough_routes=["/v1/rerank", "/v1/rerank"])
