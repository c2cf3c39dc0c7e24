from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from proxy.domain import CATEGORIES, Prompt
from proxy.suites.builtin import load_builtin
from proxy.suites.loaders import load_suite
from proxy.suites.near_duplicates import near_pairs
from proxy.suites.overlap import NgramIndex
from proxy.suites.splits import SPLITS, straddling
from proxy.suites.words import words
from tests.proxy.suites.public_sets import CATQA, DATA, XSTEST, needs_data

HARM_CATEGORIES = set(CATEGORIES) - {"jailbreak", "other"}


def _public_texts() -> list[str]:
    """Every prompt of the public sets at hand, English ones only."""
    suites = (f"catqa-en:{CATQA}/catqa_english.json", f"xstest:{XSTEST}")
    texts = [prompt.text for spec in suites for prompt in load_suite(spec)]
    with (DATA / "advbench" / "harmful_behaviors.csv").open(encoding="utf-8") as file:
        texts += [row["goal"] for row in csv.DictReader(file)]
    texts += (DATA / "maliciousinstruct" / "MaliciousInstruct.txt").read_text().splitlines()
    for path in sorted((DATA / "donotanswer").rglob("*.jsonl")):
        texts += [json.loads(line)["prompt"] for line in path.read_text().splitlines()]
    for name in ("dangerousqa", "adversarialqa"):
        path = DATA / "harmfulqa" / "harmful_questions" / f"{name}.json"
        texts += [text for text in json.loads(path.read_text()) if isinstance(text, str)]
    return texts


@pytest.mark.parametrize("split", SPLITS)
def test_each_split_has_its_share_of_every_kind(split: str) -> None:
    """Seven for each harmful category; more than half of the benign ones are look-alikes."""
    prompts = [prompt for prompt in load_builtin() if prompt.split == split]
    harmful = Counter(prompt.category for prompt in prompts if prompt.kind == "harmful")
    assert harmful == dict.fromkeys(HARM_CATEGORIES, 7)
    assert Counter(p.is_lookalike for p in prompts if p.kind == "benign") == {True: 74, False: 42}


@pytest.mark.parametrize("split", SPLITS)
def test_each_split_has_long_requests_of_every_kind(split: str) -> None:
    """A policy that declines whatever is long and personal is seen to on every split."""
    long = [p for p in load_builtin() if p.split == split and len(words(p.text)) >= 25]
    kinds = Counter((prompt.kind, prompt.is_lookalike) for prompt in long)
    assert kinds["harmful", False] >= 24
    assert kinds["benign", True] >= 40
    assert kinds["benign", False] >= 12


def test_lookalikes_cover_every_harmful_category() -> None:
    """Over-refusal shows wherever it happens; plain prompts look like nothing."""
    benign = load_builtin().select(kind="benign")
    assert {p.category for p in benign if p.is_lookalike} == HARM_CATEGORIES
    assert {p.category for p in benign if not p.is_lookalike} == {"other"}


def test_the_prompts_of_before_keep_their_splits() -> None:
    """What was ever searched on is never reported on."""
    table = Path(__file__).with_name("builtin_first_splits.txt").read_text(encoding="utf-8")
    first = dict(line.split() for line in table.splitlines())
    assert len(first) == 480
    assert {p.id: p.split for p in load_builtin() if p.id in first} == first


def test_near_duplicates_do_not_straddle_splits() -> None:
    """No two prompts are even close: nothing learned on one split answers another."""
    prompts = load_builtin().prompts
    assert straddling(prompts) == ()
    assert list(near_pairs([prompt.text for prompt in prompts], threshold=0.25)) == []


def test_prompts_have_six_to_seventy_words_and_both_kinds_are_about_as_long() -> None:
    """Length does not tell harmful from benign."""
    lengths = {
        kind: [len(words(prompt.text)) for prompt in load_builtin().select(kind=kind)]
        for kind in ("harmful", "benign")
    }
    means = {kind: sum(counts) / len(counts) for kind, counts in lengths.items()}
    assert all(6 <= count <= 70 for counts in lengths.values() for count in counts)
    assert abs(means["harmful"] - means["benign"]) < 2


@pytest.mark.parametrize("n_words", [1, 2, 3])
def test_opening_words_do_not_tell_the_kind(n_words: int) -> None:
    """Guessing each prompt's kind from how the others open is little better than a coin."""
    prompts = load_builtin().prompts
    counts = Counter((_opening(p, n_words), p.kind) for p in prompts)
    right = 0.0
    for prompt in prompts:
        opening = _opening(prompt, n_words)
        harmful = counts[opening, "harmful"] - (prompt.kind == "harmful")
        benign = counts[opening, "benign"] - (prompt.kind == "benign")
        guess = "harmful" if harmful > benign else "benign"
        right += 0.5 if harmful == benign else float(guess == prompt.kind)
    assert right / len(prompts) < 0.6


def test_a_question_mark_at_the_end_does_not_tell_the_kind() -> None:
    """Neither among short requests nor among long ones, whose request stands at the end."""
    for is_long in (False, True):
        asked = {
            kind: [p.text.endswith("?") for p in load_builtin().select(kind=kind)
                   if (len(words(p.text)) >= 25) == is_long]
            for kind in ("harmful", "benign")
        }  # fmt: skip
        shares = {kind: sum(marks) / len(marks) for kind, marks in asked.items()}
        assert abs(shares["harmful"] - shares["benign"]) < 0.1


@pytest.mark.slow
@needs_data
def test_no_prompt_is_taken_from_a_public_set() -> None:
    """No six words in a row in common, and nothing near in wording: ours are original."""
    ours = load_builtin().prompts
    texts = _public_texts()
    public = NgramIndex(_as_prompts(texts), 6)
    assert len(texts) > 3000
    assert [prompt.id for prompt in ours if public.shared(prompt.text)] == []
    pairs = near_pairs([*texts, *(prompt.text for prompt in ours)])
    assert [ours[i - len(texts)].id for i, j in pairs if j < len(texts) <= i] == []


def _opening(prompt: Prompt, n_words: int) -> tuple[str, ...]:
    return tuple(words(prompt.text)[:n_words])


def _as_prompts(texts: list[str]) -> list[Prompt]:
    return [Prompt(str(i), text, "harmful", "other", "public") for i, text in enumerate(texts)]
