"""Which policy a request gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain import ChatRequest
from proxy.policy.match import (
    MAX_REMEMBERED_CHARS,
    glob_length,
    offered,
    policy_for,
    position,
    ranked,
    select,
    sticky_key,
    ties,
)
from proxy.policy.rollout import Step
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.policy.snapshot import Snapshot
from tests.proxy.policy.policy_examples import make_policy, make_request
from tests.proxy.policy.rollout_steps import step


def chosen(*policies: Policy, model: str = "smollm2", key_id: str | None = None) -> str:
    """The name of the policy that a request gets."""
    return select(Snapshot(policies=policies), model=model, key_id=key_id, sticky_key="k").name


def test_the_highest_priority_wins_over_everything_else() -> None:
    """Keys and globs count only among equals."""
    first = make_policy("z", match={"priority": 1})
    second = make_policy("a", match={"keys": ["k"], "models": ["smollm2"]})
    assert chosen(second, first, key_id="k") == "z"


def test_among_equals_one_that_names_keys_wins() -> None:
    """Before the length of the glob."""
    first = make_policy("z", match={"keys": ["k"]})
    second = make_policy("a", match={"models": ["smollm2"]})
    assert chosen(second, first, key_id="k") == "z"
    assert chosen(second, first, key_id="other") == "a"
    assert chosen(second, first) == "a"


def test_then_the_longest_glob_that_matches_wins() -> None:
    """A longer glob that does not match counts for nothing."""
    first = make_policy("z", match={"models": ["smoll*", "something-much-longer*"]})
    second = make_policy("a", match={"models": ["smo*"]})
    third = make_policy("b", match={"models": ["smollm3*"]})
    assert chosen(first, second, third) == "z"


def test_then_the_name_decides() -> None:
    """Always the same one."""
    assert chosen(make_policy("b"), make_policy("a")) == "a"


def test_without_a_match_a_request_passes_through() -> None:
    """The built-in policy, the very object."""
    other = make_policy("a", match={"models": ["llama*"]})
    snapshot = Snapshot(policies=(other,))
    assert select(snapshot, model="smollm2", key_id=None, sticky_key="k") is PASSTHROUGH


@pytest.mark.parametrize(
    ("globs", "model", "length"),
    [
        (None, "any", 0),
        (["*"], "org/model", 1),
        (["a*", "ab*"], "abc", 3),
        (["A*"], "abc", None),
        (["m[0-9]"], "m7", 6),
    ],
)
def test_globs_match_whole_names_case_and_all(
    globs: list[str] | None, model: str, length: int | None
) -> None:
    """`*` also matches the slash of an organisation."""
    match = {"models": globs} if globs else {}
    assert glob_length(make_policy(match=match), model) == length


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_rollout_takes_its_share_and_leaves_the_rest(share: float) -> None:
    """Within four standard deviations over 2,000 conversations."""
    canary = make_policy("canary", match={"priority": 1}, rollout={"share": share})
    snapshot = Snapshot(policies=(canary, make_policy("base")))
    n = 2000
    taken = sum(
        select(snapshot, model="m", key_id=None, sticky_key=str(i)) is canary for i in range(n)
    )
    assert abs(taken - n * share) <= 4 * (n * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("share", [None, 0.0, 0.5, 1.0])
def test_a_request_gets_what_its_conversation_is_selected_for(share: float | None) -> None:
    """Also where no policy has a rollout, and what it would stick to is not worked out."""
    canary = make_policy("a", rollout=None if share is None else {"share": share})
    snapshot = Snapshot(policies=(canary, make_policy("b", match={"models": ["m"]})))
    for user in "abcdefgh":
        request = ChatRequest("m", (), {"user": user})
        assert policy_for(request, snapshot) is select(
            snapshot, model="m", key_id=None, sticky_key=sticky_key(request)
        )
    assert policy_for(request, Snapshot()) is PASSTHROUGH


def test_two_canaries_do_not_share_their_conversations() -> None:
    """Each policy shuffles anew, else the second would get nothing but what the first left."""
    both = sum(position("a", str(i)) < 0.5 and position("b", str(i)) < 0.5 for i in range(2000))
    assert 400 < both < 600


def test_a_position_is_the_same_in_every_version() -> None:
    """A conversation keeps its policy through a restart and an upgrade."""
    assert position("canary", "conversation:1") == pytest.approx(0.31570175377472065, abs=1e-12)


@given(st.text(), st.text())
def test_a_position_lies_in_the_half_open_interval(name: str, key: str) -> None:
    """A share of 1 takes all."""
    assert 0.0 <= position(name, key) < 1.0


@given(
    st.permutations(
        [make_policy(n, match={"priority": p}) for n, p in zip("abcd", [0, 0, 1, 2], strict=True)]
    )
)
def test_the_order_of_files_does_not_matter(policies: list[Policy]) -> None:
    """Only precedence does."""
    names = [policy.name for policy in ranked(Snapshot(policies=tuple(policies)), "m", None)]
    assert names == ["d", "c", "a", "b"]


def test_the_conversation_header_comes_first() -> None:
    """Then `user`, then key and first user message."""
    messages = ({"role": "user", "content": "Hi"},)
    fields: dict[str, Any] = {"user": "u"}
    assert sticky_key(ChatRequest("m", messages, fields, conversation="c")) == "conversation:c"
    assert sticky_key(ChatRequest("m", messages, fields)) == "user:u"
    assert sticky_key(ChatRequest("m", messages)).startswith("first:")


def test_a_conversation_keeps_its_key_from_turn_to_turn() -> None:
    """The first user message is sent again with each turn, whatever the system message says."""
    first = make_request(("system", "a"), ("user", "Hello"))
    later = make_request(("system", "b"), ("user", "Hello"), ("assistant", "Hi"), ("user", "Bye"))
    assert sticky_key(first) == sticky_key(later)
    assert sticky_key(first) != sticky_key(make_request(("user", "Other")))


def test_content_parts_and_no_content_have_a_key() -> None:
    """Whatever clients send."""
    parts = [{"type": "text", "text": "Hello"}, {"type": "image_url"}]
    assert sticky_key(make_request(("user", parts))) != sticky_key(make_request(("user", None)))
    assert sticky_key(ChatRequest("m", ())).startswith("first:")


def test_half_a_surrogate_pair_has_a_key() -> None:
    """JSON can carry it."""
    assert sticky_key(make_request(("user", "\ud800"))).startswith("first:")
    assert position("a", "\ud800") < 1


@pytest.mark.parametrize(
    ("one", "other", "is_tie"),
    [
        ({}, {}, True),
        ({"priority": 1}, {}, False),
        ({"keys": ["a"]}, {}, False),
        ({"keys": ["a", "b"]}, {"keys": ["b"]}, True),
        ({"keys": ["a"]}, {"keys": ["b"]}, False),
        ({"models": ["x*"]}, {"models": ["x*", "y"]}, True),
        ({"models": ["x*"]}, {"models": ["y*"]}, False),
        ({"models": ["x*"]}, {}, False),
    ],
)
def test_policies_that_only_their_names_put_in_order_are_a_tie(
    one: dict[str, Any], other: dict[str, Any], is_tie: object
) -> None:
    """It is legal and rarely meant."""
    pair = [make_policy("b", match=other), make_policy("a", match=one)]
    assert [(x.name, y.name) for x, y in ties(pair)] == ([("a", "b")] if is_tie else [])


def test_a_canary_in_front_of_its_base_is_no_tie() -> None:
    """The rest of its share goes to the next by design; behind the base it would get nothing."""
    canary = {"rollout": {"share": 0.1}}
    assert ties([make_policy("a", **canary), make_policy("b")]) == []
    assert len(ties([make_policy("a"), make_policy("b", **canary)])) == 1


def test_what_is_offered_ends_with_what_takes_the_rest() -> None:
    """A share of 0 is measured and given to nobody; what a full share shadows is neither."""
    canary = make_policy("canary", match={"priority": 9}, rollout={"share": 0.1})
    off = make_policy("off", match={"priority": 8}, rollout={"share": 0.0})
    base = make_policy("base")
    shadowed = make_policy("shadowed", match={"priority": -1})
    snapshot = Snapshot(policies=(canary, off, base, shadowed))
    assert offered(snapshot, "m", None) == ((canary, 0.1), (off, 0.0), (base, 1.0))
    rolled_back = replace(snapshot, decided={off.ref: step("rollback", off)})
    assert offered(rolled_back, "m", None) == ((canary, 0.1), (base, 1.0))
    only = Snapshot(policies=(canary,))
    assert offered(only, "m", None) == ((canary, 0.1), (PASSTHROUGH, 1.0))


def test_promoted_canary_gets_every_request_and_a_rolled_back_one_none() -> None:
    """Whatever its file says."""
    canary = make_policy("canary", match={"priority": 9}, rollout={"share": 0.5})
    base = make_policy("base")
    request = make_request()
    cases: tuple[tuple[Step, Policy], ...] = (("promote", canary), ("rollback", base))
    for kind, winner in cases:
        decided = {canary.ref: step(kind, canary)}
        snapshot = Snapshot(policies=(canary, base), decided=decided)
        assert policy_for(request, snapshot) is winner
        assert {select(snapshot, model="m", key_id=None, sticky_key=str(n)) for n in range(50)} == {
            winner
        }


def test_rolled_back_policy_without_a_canary_share_is_out_too() -> None:
    """The next match takes over, or nothing does."""
    base = make_policy("base")
    snapshot = Snapshot(policies=(base,), decided={base.ref: step("rollback", base)})
    assert policy_for(make_request(), snapshot) is PASSTHROUGH


@pytest.mark.parametrize("rollout", [{}, {"rollout": {"share": 0.5}}], ids=["whole", "share"])
def test_long_name_is_matched_and_not_remembered(rollout: dict[str, Any]) -> None:
    """Where clients make names up, the memory would grow by megabytes each."""
    mine = Snapshot(policies=(make_policy("a", match={"models": ["x*"]}, **rollout),))
    base = make_policy("b", match={"models": ["x*"], "priority": -1})
    snapshot = replace(mine, policies=(*mine.policies, base))
    known = offered.cache_info().currsize
    long, short = "x" * (MAX_REMEMBERED_CHARS + 1), "x" * MAX_REMEMBERED_CHARS
    conversation = ("c", "d", "e", "f")
    for name in (long, short):
        asked = [replace_model(make_request(), name, sticky) for sticky in conversation]
        assert {policy_for(request, snapshot).name for request in asked} <= {"a", "b"}
        assert offered.cache_info().currsize == known + (name is short)


def replace_model(request: ChatRequest, model: str, conversation: str) -> ChatRequest:
    """The same, for another model."""
    return msgspec.structs.replace(request, model=model, conversation=conversation)
