"""Policy files end to end: what is wrong with the broken ones, word for word, and round trips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import PolicyError
from proxy.policy.decoding import SETTINGS
from proxy.policy.files import MAX_BYTES
from proxy.policy.schema import Policy
from proxy.policy.source import dump_policy, load_policy
from tests.proxy.policy.policy_examples import make_policy
from tests.proxy.policy.policy_strategies import policies

GOLDEN = Path(__file__).parents[2] / "golden" / "policy"
BROKEN = sorted(path.name for path in GOLDEN.glob("*.yaml"))


def load(text: str, root: Path = Path()) -> Policy:
    """Load a policy from text."""
    return load_policy(root / "policy.yaml", root=root, text=text)


def mistakes(text: str, root: Path = Path()) -> str:
    """Return all that is wrong with a policy."""
    with pytest.raises(PolicyError) as caught:
        load(text, root)
    return str(caught.value)


@pytest.mark.parametrize("name", BROKEN)
def test_all_mistakes_are_reported_in_these_words(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every broken policy says just this; set GUARDTUNE_UPDATE_GOLDEN=1 to write it anew."""
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(PolicyError) as caught:
        load_policy(Path(name), root=Path())
    golden = GOLDEN / name.replace(".yaml", ".txt")
    if os.environ.get("GUARDTUNE_UPDATE_GOLDEN"):
        golden.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == golden.read_text(encoding="utf-8")


def test_every_problem_has_a_line_where_the_file_could_be_read() -> None:
    """A person can go to the place of each mistake."""
    with pytest.raises(PolicyError) as caught:
        load_policy(GOLDEN / "yaml-traps.yaml", root=GOLDEN)
    assert all(problem.line for problem in caught.value.problems)


def test_the_example_of_the_documentation_loads() -> None:
    """The whole of schema 1 in one file."""
    policy = load(
        """
schema: 1
name: smollm2-careful
description: one sentence for people
match: {models: ["smollm2*"], keys: ["team-a"], priority: 10}
rollout: {share: 0.1}
system_prompt:
  text: |
    You are careful.
  placement: prepend
demonstrations:
  - {user: "Hello", assistant: "Good day."}
decoding:
  temperature: 0.4
  top_p: {default: 0.95}
  top_k: 40
  min_p: 0.05
  repeat_penalty: 1.05
  frequency_penalty: 0.0
  presence_penalty: 0.0
  max_tokens: {default: 256, max: 512}
provenance: {run: r1, seed: 7}
"""
    )
    assert policy.match.models == ("smollm2*",)
    assert policy.system_prompt is not None
    assert policy.system_prompt.text == "You are careful."
    assert [name for name, _ in policy.decoding][:2] == ["temperature", "top_p"]


@given(policies())
def test_a_dumped_policy_loads_to_the_same_policy(policy: Policy) -> None:
    """Whatever the texts hold, writing and reading changes neither content nor identity."""
    again = load(dump_policy(policy))
    assert again == policy
    assert again.sha == policy.sha


@pytest.mark.parametrize(
    "text", ["a\x85b", "a\u2028b\nc", "a\rb", "a \nb", "- a\n  b", "\ufeffa", "#"]
)
def test_a_text_that_yaml_would_reshape_comes_back_as_it_was(text: str) -> None:
    """Exotic line ends, spaces before them, and what looks like YAML itself."""
    policy = make_policy(
        demonstrations=[{"user": text, "assistant": "ok"}], decoding={"stop": text}
    )
    assert load(dump_policy(policy)).sha == policy.sha


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
any_policy_like = st.dictionaries(
    st.sampled_from([field.alias or name for name, field in Policy.model_fields.items()]),
    json_values,
)
any_decoding = st.dictionaries(
    st.sampled_from(list(SETTINGS)),
    json_values | st.dictionaries(st.sampled_from(["min", "max", "default"]), json_values),
)


@given(any_policy_like, any_decoding)
def test_whatever_a_file_holds_it_is_a_policy_or_a_policy_error(
    data: dict[str, Any], decoding: dict[str, Any]
) -> None:
    """No other exception escapes: the watch goes on."""
    try:
        load(yaml.safe_dump({"schema": 1, "name": "a", "decoding": decoding, **data}))
    except PolicyError as error:
        assert error.problems  # noqa: PT017 - either way is right


def test_texts_of_several_lines_are_dumped_as_blocks() -> None:
    """People read and edit what the tuner writes."""
    policy = load('{schema: 1, name: a, system_prompt: {text: "One.\\n\\nTwo."}}')
    assert "text: |-\n    One.\n\n    Two.\n" in dump_policy(policy)


def test_a_text_file_is_the_same_policy_as_the_text_itself(tmp_path: Path) -> None:
    """`file:` is resolved before the identity is taken, without its final line end."""
    (tmp_path / "prompt.md").write_bytes(b"Be careful.\r\nAlways.\r\n")
    head = "schema: 1\nname: a\nsystem_prompt:\n"
    named = load(head + "  file: prompt.md\n", tmp_path)
    inline = load(head + "  text: |\n    Be careful.\n    Always.\n", tmp_path)
    assert named.sha == inline.sha


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A policy cannot put another file of the machine into prompts."""
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "prompt.md").symlink_to(tmp_path / "secret")
    said = mistakes("schema: 1\nname: a\nsystem_prompt: {file: prompt.md}\n", folder)
    assert "leads out of the policy folder" in said
    assert "secret" not in said.replace(str(tmp_path), "")


@pytest.mark.parametrize("given_path", ["/etc/hostname", "a/../../b", "..", '"a\\0b"', "[x]", '""'])
def test_a_path_that_is_no_file_inside_is_refused(given_path: str, tmp_path: Path) -> None:
    """Absolute paths, `..`, and what is no path at all."""
    said = mistakes(f"schema: 1\nname: a\nsystem_prompt: {{file: {given_path}}}\n", tmp_path)
    assert "system_prompt.file" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"\xff\xfe", "not UTF-8"),
        (b" \n", "holds no text"),
    ],
)
def test_a_text_file_that_cannot_be_used_says_why(
    content: bytes, said: str, tmp_path: Path
) -> None:
    """Too large, not UTF-8, or blank."""
    (tmp_path / "prompt.md").write_bytes(content)
    assert said in mistakes("schema: 1\nname: a\nsystem_prompt: {file: prompt.md}\n", tmp_path)


@pytest.mark.parametrize(
    ("given_path", "said"),
    [("loop.md", "leads back to itself"), ('"\\ud800"', "no path that a file can have")],
)
def test_a_path_that_python_itself_refuses_is_a_mistake_as_any_other(
    given_path: str, said: str, tmp_path: Path
) -> None:
    """Links in a circle, and half a surrogate pair: what it raises is no OSError."""
    (tmp_path / "loop.md").symlink_to("loop.md")
    text = f"schema: 1\nname: a\nsystem_prompt: {{file: {given_path}}}\n"
    assert said in mistakes(text, tmp_path)


@pytest.mark.parametrize("given_path", [".prompts/base.txt", "prompts/.base.txt"])
def test_a_text_that_is_not_followed_is_refused(given_path: str, tmp_path: Path) -> None:
    """What begins with a dot is left out of the digest, so that edits would never arrive."""
    path = tmp_path / given_path
    path.parent.mkdir()
    path.write_text("Be careful.")
    said = mistakes(f"schema: 1\nname: a\nsystem_prompt: {{file: {given_path}}}\n", tmp_path)
    assert "begins with a dot" in said


def test_a_text_may_be_named_from_here(tmp_path: Path) -> None:
    """A dot by itself is no name."""
    (tmp_path / "base.txt").write_text("Be careful.")
    text = "schema: 1\nname: a\nsystem_prompt: {file: ./base.txt}\n"
    assert load(text, tmp_path).system_prompt is not None


def test_a_pipe_in_the_place_of_a_text_does_not_block(tmp_path: Path) -> None:
    """Opening a pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "prompt.md")
    said = mistakes("schema: 1\nname: a\nsystem_prompt: {file: prompt.md}\n", tmp_path)
    assert "not a regular file" in said


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    """Reading is bounded."""
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(PolicyError, match="larger than 262,144 bytes"):
        load_policy(path, root=tmp_path)
