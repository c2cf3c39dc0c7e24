from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from proxy.errors import SuiteError
from proxy.suites.builtin import load_builtin
from proxy.suites.loaders import is_choices, load_choices, load_suite, load_suites
from proxy.suites.splits import SPLITS, straddling
from tests.proxy.suites.public_sets import (
    CATQA,
    CHOICE_FILES,
    PROMPT_FILES,
    XSTEST,
    needs_data,
)


def _message(spec: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load_suite(spec)
    return str(caught.value)


def _own(path: Path, text: str, kind: str = "benign") -> str:
    path.write_text(json.dumps({"prompt": text, "kind": kind}) + "\n", encoding="utf-8")
    return f"jsonl:{path}"


def test_builtin_needs_no_path() -> None:
    """The suite of `make tune`."""
    assert load_suite("builtin") is load_builtin()


def test_jsonl_is_loaded_by_path(tmp_path: Path) -> None:
    """A colon in the path belongs to the path."""
    suite = load_suite(_own(tmp_path / "a:b.jsonl", "How?"))
    assert [prompt.text for prompt in suite] == ["How?"]
    assert suite.published_n is None


def test_unknown_name_is_refused_with_a_guess() -> None:
    """And with where the names are listed, which are many."""
    assert _message("xtest:a.csv") == (
        "xtest:a.csv: no such suite. Did you mean `xstest`? `guardtune suite list` shows the names."
    )


def test_multiple_choice_suite_has_no_prompts() -> None:
    """Judging its answers for harm would mean nothing."""
    assert "multiple-choice" in _message("safetybench-en:test_en.json")


def test_choices_are_told_by_name_and_refused_where_unknown() -> None:
    """`guardtune eval` asks which kind of suite a specification names."""
    assert is_choices("labsafety:a.json")
    assert not is_choices("xstest:a.csv")
    with pytest.raises(SuiteError, match="Did you mean `labsafety`"):
        load_choices("labsafty:a.json")
    with pytest.raises(SuiteError, match="no path; write labsafety:PATH"):
        load_choices("labsafety")


@pytest.mark.parametrize("spec", ["", ":", "builtin:x", "no-such-thing"])
def test_malformed_specification_is_refused(spec: str) -> None:
    """Whatever is typed, it is a SuiteError."""
    assert "no such suite" in _message(spec) or spec == "builtin:x"


def test_missing_path_is_refused_with_the_source() -> None:
    """Says how to write it and where to get the file."""
    assert _message("xstest") == (
        "xstest: no path; write xstest:PATH. "
        "Get it from github.com/paul-rottger/xstest xstest_prompts.csv."
    )


def test_several_suites_become_one(tmp_path: Path) -> None:
    """In the order given."""
    one, two = _own(tmp_path / "1", "How?"), _own(tmp_path / "2", "Who knows?", "harmful")
    suite = load_suites([one, two])
    assert (suite.id, [prompt.kind for prompt in suite]) == ("jsonl+jsonl", ["benign", "harmful"])


@needs_data
@pytest.mark.parametrize(("spec", "n_rows", "n_prompts"), PROMPT_FILES)
def test_real_file_loads_whole(spec: str, n_rows: int, n_prompts: int) -> None:
    """As many rows as published, few repeats, one kind or both, every category one of ours."""
    suite = load_suite(spec)
    assert (suite.n_rows, len(suite)) == (n_rows, n_prompts)
    assert suite.headline_refusal is None
    assert len(suite.sha256) == 64


@needs_data
@pytest.mark.parametrize(("spec", "n_rows", "published_n"), CHOICE_FILES)
def test_real_choice_file_loads(spec: str, n_rows: int, published_n: int) -> None:
    """Every question has its options and its answer; parts of a suite know that they are parts."""
    suite = load_choices(spec)
    assert (suite.n_rows, len(suite), suite.published_n) == (n_rows, n_rows, published_n)
    assert (suite.headline_refusal is None) == (n_rows == published_n)
    assert 0.2 < suite.chance < 0.51


@needs_data
def test_catqa_has_eleven_of_our_categories() -> None:
    """Sub-categories go their own way: eleven of theirs, but not the same eleven."""
    suite = load_suite(f"catqa-en:{CATQA}/catqa_english.json")
    assert len({prompt.category for prompt in suite}) == 11
    assert {prompt.kind for prompt in suite} == {"harmful"}


@needs_data
def test_xstest_has_both_kinds_and_a_safe_half() -> None:
    """250 safe look-alikes and 200 unsafe contrasts; the half has the same prompts."""
    suite, half = load_suite(f"xstest:{XSTEST}"), load_suite(f"xstest-safe:{XSTEST}")
    kinds = Counter((prompt.kind, prompt.is_lookalike) for prompt in suite)
    assert kinds == {("benign", True): 250, ("harmful", False): 200}
    assert {p.id for p in half} == {p.id for p in suite.select(kind="benign")}


@needs_data
@pytest.mark.parametrize(
    "spec", [f"catqa-en:{CATQA}/catqa_english.json", f"xstest:{XSTEST}"], ids=["catqa", "xstest"]
)
def test_public_sets_are_split_evenly_with_minimal_pairs_together(spec: str) -> None:
    """A harmful contrast and its look-alike never straddle; each split has its quarter."""
    suite = load_suite(spec)
    counts = Counter(prompt.split for prompt in suite)
    assert straddling(suite.prompts) == ()
    assert max(counts.values()) - min(counts[split] for split in SPLITS) <= 2
