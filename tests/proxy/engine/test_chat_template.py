from __future__ import annotations

from datetime import UTC, datetime

import pytest

from proxy.engine.chat_template import PLAIN_TEMPLATE, ChatTemplate, TemplateError

HI = [{"role": "user", "content": "Hi"}]


def test_render_ends_where_the_answer_begins() -> None:
    """The generation prompt is asked for, and the special texts are known."""
    source = (
        "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"
        "{% if add_generation_prompt %}>{% endif %}"
    )
    assert ChatTemplate(source, bos="<s>", eos="</s>").render(HI) == "<s>Hi</s>>"


def test_template_that_rejects_the_messages_says_why() -> None:
    """With its own words, which name the rule that was broken."""
    template = ChatTemplate("{{ raise_exception('Roles must alternate') }}")
    with pytest.raises(TemplateError, match="Roles must alternate"):
        template.render(HI)


def test_template_that_fails_otherwise_is_rejected_too() -> None:
    """A type error inside of it must not become a 500."""
    with pytest.raises(TemplateError):
        ChatTemplate("{{ messages[0].content + 1 }}").render(HI)


def test_invalid_source_is_found_when_it_is_compiled() -> None:
    """At the start of the server, not at the first request."""
    with pytest.raises(TemplateError, match="not valid Jinja"):
        ChatTemplate("{% for %}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
    ],
)
def test_templates_are_confined(source: str) -> None:
    """A template comes with a downloaded file."""
    with pytest.raises(TemplateError):
        ChatTemplate(source).render(HI)


def test_templates_find_what_transformers_offers() -> None:
    """Loop controls, plain JSON and the date."""
    source = (
        "{% for m in messages %}{% break %}{% endfor %}{{ {'a': '<é'} | tojson }}"
        "{{ strftime_now('%Y-%m-%d') }}"
    )
    template = ChatTemplate(source, now=lambda: datetime(2030, 1, 2, tzinfo=UTC))
    assert template.render(HI) == '{"a": "<é"}2030-01-02'


def test_plain_template_serves_base_models() -> None:
    """One line a message."""
    assert ChatTemplate(PLAIN_TEMPLATE).render(HI) == "user: Hi\nassistant:"


def test_variables_reach_the_template_but_replace_nothing_of_its_own() -> None:
    """Neither the messages nor the tokens that frame them."""
    template = ChatTemplate("{{ mood }}{{ bos_token }}{{ messages | length }}", bos="<s>")
    variables = {"mood": "calm", "bos_token": "x", "messages": [1, 2, 3]}
    assert template.render([{"role": "user"}], variables=variables) == "calm<s>1"


def test_json_in_a_prompt_is_not_escaped() -> None:
    """Whatever the template asks for: escaping would break the fences around control tokens."""
    template = ChatTemplate("{{ tools | tojson(ensure_ascii=True, separators=(',', ':')) }}")
    assert template.render([], tools=[{"é": "<b>"}]) == '[{"é":"<b>"}]'
