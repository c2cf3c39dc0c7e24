"""Request bodies: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import RequestError
from proxy.wire.decode import decode_chat

HELLO = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def _refused(body: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode_chat(body)
    assert caught.value.status == 400
    return caught.value


def test_body_becomes_a_request_with_its_raw_bytes() -> None:
    """Nothing is lost between the wire and the policy."""
    request = decode_chat(HELLO, request_id="r", key_id="k", conversation="c")
    assert request.model == "m"
    assert request.messages == ({"role": "user", "content": "hi"},)
    assert request.raw is HELLO
    assert (request.request_id, request.key_id, request.conversation) == ("r", "k", "c")


def test_unknown_fields_survive_untouched() -> None:
    """Servers behind us have fields of their own."""
    body = HELLO[:-1] + b',"top_n_sigma":{"a":[1,2.5,null]},"stream":true}'
    request = decode_chat(body)
    assert request.fields == {"top_n_sigma": {"a": [1, 2.5, None]}, "stream": True}
    assert request.is_stream


def test_null_stands_for_absent() -> None:
    """Clients send `"stop": null` and the like."""
    body = HELLO[:-1] + b',"stop":null,"temperature":null,"max_tokens":null,"stream":null}'
    assert not decode_chat(body).is_stream


def test_content_parts_are_accepted() -> None:
    """Multi-part content is a list of objects."""
    body = b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}'
    assert decode_chat(body).messages[0]["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("body", "where"),
    [(b'{"model": ', "byte 10"), (b'{"model": NaN}', "byte 10"), (b"", "byte 0")],
    ids=["cut off", "not JSON", "empty"],
)
def test_invalid_json_names_the_position(body: bytes, where: str) -> None:
    """A client with a broken encoder learns where it broke."""
    assert where in _refused(body).message


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"7", b"null"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    """A request is an object."""
    assert "must be a JSON object" in _refused(body).message


def test_invalid_utf8_is_refused() -> None:
    """Bytes that are no text cannot go on to a model."""
    assert "UTF-8" in _refused(b'{"model":"m\xff"}').message


def test_half_a_surrogate_pair_is_refused() -> None:
    """It could not be encoded again."""
    _refused(b'{"model":"\\ud800","messages":[{"role":"user","content":"x"}]}')


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    """A hundred thousand brackets end in a 400, not in a dead process."""
    body = HELLO[:-1] + b',"tools":' + opening * 100_000
    assert "nested too deeply" in _refused(body).message


@pytest.mark.parametrize(
    ("field", "param"),
    [
        (b'"temperature":"hot"', "temperature"),
        (b'"max_tokens":1.5', "max_tokens"),
        (b'"stream":"yes"', "stream"),
        (b'"stop":[1]', "stop[0]"),
        (b'"seed":true', "seed"),
        (b'"stream_options":[]', "stream_options"),
    ],
    ids=["temperature", "max_tokens", "stream", "stop", "seed", "stream_options"],
)
def test_wrong_type_names_the_field(field: bytes, param: str) -> None:
    """`error.param` is what client libraries show."""
    error = _refused(HELLO[:-1] + b"," + field + b"}")
    assert error.param == param
    assert error.code == "invalid_type"


def test_wrong_type_within_a_message_names_its_path() -> None:
    """The path counts messages as OpenAI does."""
    body = b'{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":3}]}'
    assert _refused(body).param == "messages[1].content"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages":[{"role":"user"}]}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[{"content":"a"}]}', "messages[0].role"),
    ],
    ids=["model", "messages", "role"],
)
def test_missing_field_is_named(body: bytes, param: str) -> None:
    """What is required and absent is said in one sentence."""
    error = _refused(body)
    assert error.param == param
    assert error.message == f"Missing required field `{param}`."


def test_empty_conversation_is_refused() -> None:
    """A model needs something to answer."""
    assert _refused(b'{"model":"m","messages":[]}').param == "messages"


def test_message_never_repeats_the_users_text() -> None:
    """Error bodies end in logs; user text does not."""
    error = _refused(b'{"model":"m","messages":[{"role":"user","content":{"s":"secret words"}}]}')
    assert "secret" not in error.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_FIELDS = ("model", "messages", "stream", "stop", "tools", "logit_bias", "max_tokens", "n", "user")


@given(body=st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_any_bytes_are_a_request_or_a_400(body: bytes) -> None:
    """Never anything else."""
    with suppress(RequestError):
        decode_chat(body)


@given(fields=st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_json_is_a_request_or_a_400(fields: dict[str, object]) -> None:
    """Whatever types the known fields have."""
    with suppress(RequestError):
        request = decode_chat(json.dumps(fields).encode())
        assert isinstance(request.model, str)
        assert all(isinstance(message["role"], str) for message in request.messages)


def test_field_that_matters_has_one_spelling() -> None:
    """A server that folds case would be asked something else than the policy was applied to."""
    body = b'{"model":"m","messages":[{"role":"user","content":"a"}],"Messages":[],"myField":1}'
    with pytest.raises(RequestError) as caught:
        decode_chat(body)
    assert (caught.value.param, caught.value.code) == ("messages", "unknown_parameter")
    assert decode_chat(body.replace(b"Messages", b"other")).fields["myField"] == 1
