"""From prompts and policies to judged answers."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.backends.config import OpenAIConfig, ScriptedConfig
from proxy.backends.openai import OpenAIBackend
from proxy.backends.scripted import ScriptedBackend
from proxy.evaluation.session import (
    Session,
    choose_prompts,
    ignored_settings,
    make_plan,
    run_session,
)
from proxy.evaluation.store import EvaluationStore
from proxy.judges.scripted import ScriptedJudge
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.proxy.evaluation.evaluations import CAREFUL, PROMPTS, prompt


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Two policies on twenty prompts."""
    with EvaluationStore(tmp_path / "s.sqlite") as store:
        yield Session(
            policies=(("passthrough", PASSTHROUGH), ("careful.yaml", CAREFUL)),
            prompts=PROMPTS,
            backend=ScriptedBackend(ScriptedConfig(name="toy")),
            judges=(ScriptedJudge(),),
            store=store,
            model="m",
            seed=1,
            max_tokens=64,
            concurrency=4,
            may_generate=True,
            stream=io.StringIO(),
        )


def test_every_policy_answers_every_prompt(session: Session) -> None:
    """In the order of policies and of prompts."""
    plain, careful = asyncio.run(run_session(session))
    assert (plain.source, careful.source) == ("passthrough", "careful.yaml")
    for subject in (plain, careful):
        assert [fact.task.prompt for fact in subject.facts] == list(PROMPTS)
        assert {fact.task.policy for fact in subject.facts} == {subject.policy}


def test_the_plan_counts_what_the_store_has(session: Session) -> None:
    """Nothing is left to do afterwards; other seeds are other answers."""
    assert make_plan(session).to_generate == 40
    asyncio.run(run_session(session))
    assert make_plan(session).to_generate == 0
    assert make_plan(replace(session, seed=2)).to_generate == 40


def test_rejudging_an_empty_store_finds_nothing(session: Session) -> None:
    """And asks nothing."""
    plain, careful = asyncio.run(run_session(replace(session, may_generate=False)))
    assert plain.facts == careful.facts == ()


def test_prompts_are_chosen_by_split_and_kind() -> None:
    """At most so many of each kind, categories in proportion, by content and seed alone."""
    prompts = [
        prompt(n, kind, category=category, split=split)
        for kind in ("harmful", "benign")
        for split in ("test", "search")
        for n, category in enumerate(["crime"] * 20 + ["hate"] * 10)
    ]
    chosen = choose_prompts(prompts, split="test", per_kind=6, seed=1)
    assert Counter(one.kind for one in chosen) == {"harmful": 6, "benign": 6}
    assert {one.split for one in chosen} == {"test"}
    assert Counter(one.category for one in chosen) == {"crime": 8, "hate": 4}
    assert chosen == choose_prompts(prompts[::-1], split="test", per_kind=6, seed=1)
    assert len(choose_prompts(prompts, split="all", per_kind=None, seed=1)) == 120


def test_settings_that_a_backend_does_not_honour_are_named() -> None:
    """A server that speaks OpenAI's wire has no top_k."""
    backend = OpenAIBackend(OpenAIConfig(name="m", base_url="http://127.0.0.1:1/v1"), None)
    policy = Policy.model_validate({"schema": 1, "name": "p", "decoding": {"top_k": 3}})
    assert ignored_settings(backend, policy) == ("top_k",)
    assert ignored_settings(backend, PASSTHROUGH) == ()
