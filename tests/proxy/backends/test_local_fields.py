from __future__ import annotations

from typing import Any

import pytest

from proxy.backends.flavours import LLAMA_CPP_NAMES
from proxy.backends.local_fields import CAPABILITIES, DEFAULT_MAX_TOKENS, Options, parse_fields
from proxy.engine.sampling import Sampling
from proxy.errors import RequestError


def parse(**fields: Any) -> Options:
    """With a vocabulary of 1,000 tokens."""
    return parse_fields(fields, n_vocab=1000)


def test_no_fields_are_the_defaults() -> None:
    """One answer of bounded length; null counts as absent."""
    options = parse(temperature=None, tools=None, stream=False)
    assert options == Options(Sampling(), DEFAULT_MAX_TOKENS, stop=(), n=1, include_usage=False)


def test_every_setting_arrives() -> None:
    """All of a policy's decoding settings, under their own names."""
    numbers = {
        "temperature": 0.5, "top_k": 10, "top_p": 0.5, "min_p": 0.1, "typical_p": 0.9,
        "repeat_penalty": 1.5, "frequency_penalty": -1.0, "presence_penalty": 1.0,
        "repeat_last_n": -1, "dry_multiplier": 0.8, "dry_base": 2.0, "dry_allowed_length": 3,
        "dry_penalty_last_n": 10, "xtc_probability": 0.5, "xtc_threshold": 0.2, "mirostat": 2,
        "mirostat_tau": 4.0, "mirostat_eta": 0.2, "seed": 7,
    }  # fmt: skip
    options = parse(
        **numbers, max_tokens=9, stop="END", logit_bias={"5": -100}, dry_sequence_breakers=["x"]
    )
    for name, value in numbers.items():
        assert getattr(options.sampling, name) == value
    assert options.sampling.logit_bias == ((5, -100.0),)
    assert options.sampling.dry_sequence_breakers == ("x",)
    assert (options.max_tokens, options.stop) == (9, ("END",))


def test_capabilities_name_every_setting_that_a_policy_can() -> None:
    """None of them is ignored by this backend."""
    assert set(CAPABILITIES.settings) == set(LLAMA_CPP_NAMES)


@pytest.mark.parametrize(("alias", "name"), CAPABILITIES.aliases.items())
def test_alias_counts_but_never_against_the_settings_own_name(alias: str, name: str) -> None:
    """A policy writes the own name; a client's alias cannot undo it."""

    def value(options: Options) -> Any:
        return options.max_tokens if name == "max_tokens" else getattr(options.sampling, name)

    assert value(parse(**{alias: 2})) == 2
    assert value(parse(**{alias: 2, name: 1})) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "0.5"), ("temperature", True), ("temperature", -0.1), ("temperature", 2.1),
        ("temperature", float("nan")), ("top_k", 1.5), ("top_p", 1.1), ("repeat_penalty", 0),
        ("seed", "x"), ("max_tokens", 0), ("max_tokens", 1.5), ("max_tokens", []), ("n", 0),
        ("n", 17), ("stop", 5), ("stop", [""]), ("stop", ["a"] * 17), ("stop", [1]),
        ("stop", "a\0"),
        ("stream", "yes"), ("stream_options", []), ("logit_bias", []), ("logit_bias", {"x": 1}),
        ("logit_bias", {"1000": 1}), ("logit_bias", {"-1": 1}), ("logit_bias", {"1": 101}),
        ("logprobs", 1), ("top_logprobs", 21),
        ("parallel_tool_calls", 1),
        ("chat_template_kwargs", []), ("chat_template_kwargs", {str(n): n for n in range(17)}),
        *((name, sign * 10**400) for sign in (1, -1) for name in (
            "temperature", "top_k", "repeat_last_n", "seed", "max_tokens", "n", "top_logprobs",
        )),
        ("seed", float("inf")), ("max_tokens", float("nan")), ("logit_bias", {"1" * 5000: 1}),
        ("logit_bias", {"1": 10**400}), ("logit_bias", {"²": 1}),
        ("dry_sequence_breakers", 5), ("dry_sequence_breakers", ["x" * 41]), ("mirostat", 3),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_and_the_field_named(field: str, value: Any) -> None:
    """As OpenAI does, with `param`."""
    with pytest.raises(RequestError) as caught:
        parse(**{field: value})
    assert caught.value.param == field
    assert caught.value.message.startswith(field)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("field", "value", "neutral"),
    [
        ("modalities", ["audio"], ["text"]),
        ("reasoning_format", "none", "deepseek"),
        ("chat_template", "{{ messages }}", None),
    ],
)
def test_unsupported_field_is_refused_unless_it_asks_for_nothing(
    field: str, value: Any, neutral: Any
) -> None:
    """Never dropped silently."""
    parse(**{field: neutral})
    with pytest.raises(RequestError, match="not supported") as caught:
        parse(**{field: value})
    assert caught.value.param == field


def test_unknown_field_suggests_the_one_that_was_meant() -> None:
    """A typing error would otherwise be a setting that does nothing."""
    with pytest.raises(RequestError, match="Did you mean `temperature`"):
        parse(temprature=0.5)
    with pytest.raises(RequestError, match="No such field: zzz"):
        parse(zzz=1)


def test_fields_that_change_nothing_here_are_taken() -> None:
    """What client libraries send along."""
    parse(user="ann", metadata={}, store=True, parallel_tool_calls=False, tool_choice="auto")
    parse(tools=[], response_format={"type": "text"}, grammar="", logprobs=False, top_logprobs=0)


def test_figures_are_wanted_or_not() -> None:
    """Alternatives need the figures themselves."""
    assert parse().n_top_logprobs is None
    assert parse(logprobs=True).n_top_logprobs == 0
    assert parse(logprobs=True, top_logprobs=20).n_top_logprobs == 20
    with pytest.raises(RequestError, match="needs logprobs"):
        parse(top_logprobs=3)


def test_each_answer_has_a_seed_of_its_own_unless_any_will_do() -> None:
    """-1 is llama.cpp's name for none, however many answers there are."""
    assert [one.seed for one in parse(seed=7, n=3).samplings] == [7, 8, 9]
    assert [one.seed for one in parse(seed=-2, n=3).samplings] == [-2, -1, 0]
    assert [one.seed for one in parse(seed=-1, n=3).samplings] == [None] * 3
    assert [one.seed for one in parse(n=2).samplings] == [None] * 2


def test_format_and_tools_arrive_but_not_together() -> None:
    """One grammar at a time."""
    function = {"type": "function", "function": {"name": "f"}}
    options = parse(tools=[function], tool_choice="required")
    assert options.tools is not None
    assert options.tools.choice == "required"
    options = parse(response_format={"type": "json_object"})
    assert options.format is not None
    with pytest.raises(RequestError, match="together with tools") as caught:
        parse(tools=[function], grammar='root ::= "x"')
    assert caught.value.param == "grammar"


def test_template_variables_have_names_of_their_own() -> None:
    """None replaces what the prompt is made of."""
    assert parse(chat_template_kwargs={"enable_thinking": False}).template_variables == {
        "enable_thinking": False
    }
    for name in ("messages", "tools", "_x", "a b", "bos_token", ""):
        with pytest.raises(RequestError, match="chat_template_kwargs"):
            parse(chat_template_kwargs={name: 1})


def test_template_variables_undo_a_policys_prompt() -> None:
    """So they are removed wherever a policy sets one."""
    assert CAPABILITIES.overrides["chat_template_kwargs"] == "prompt"


def test_each_answer_has_its_own_seed() -> None:
    """Otherwise n answers would be one answer n times."""
    assert [sampling.seed for sampling in parse(n=3, seed=5).samplings] == [5, 6, 7]
    assert [sampling.seed for sampling in parse(n=2).samplings] == [None, None]


def test_stream_usage_is_read_from_its_options() -> None:
    """Only `true` asks for it."""
    assert parse(stream_options={"include_usage": True}).include_usage
    assert not parse(stream_options={"include_usage": None}).include_usage
    with pytest.raises(RequestError, match=r"stream_options\.include_usage"):
        parse(stream_options={"include_usage": 1})
