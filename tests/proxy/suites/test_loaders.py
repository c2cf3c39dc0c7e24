from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from proxy.errors import SuiteError
from proxy.suites.builtin import load_builtin
from proxy.suites.loaders import FORMATS, load_suite, load_suites
from proxy.suites.splits import SPLITS, straddling
from tests.proxy.suites.public_sets import CATQA, XSTEST, needs_data

CATQA_FILES = {"en": "english", "zh": "chinese", "vi": "vietnamese"}


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


def test_unknown_name_is_refused_with_the_names_and_a_guess() -> None:
    """One message, all names."""
    assert _message("xtest:a.csv") == (
        "xtest:a.csv: no such suite; the names are builtin and, with a path, "
        "catqa-en, catqa-zh, catqa-vi, xstest, jsonl. Did you mean `xstest`?"
    )


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
@pytest.mark.parametrize("language", CATQA_FILES)
def test_catqa_loads_whole(language: str) -> None:
    """550 questions as published, of which a few are repeated; eleven of our categories."""
    suite = load_suite(f"catqa-{language}:{CATQA}/catqa_{CATQA_FILES[language]}.json")
    assert (suite.n_rows, suite.is_partial) == (550, False)
    assert len(suite) == {"en": 543, "zh": 543, "vi": 545}[language]
    assert len({prompt.category for prompt in suite}) == 11
    assert {prompt.kind for prompt in suite} == {"harmful"}


@needs_data
def test_xstest_loads_whole() -> None:
    """250 safe look-alikes and 200 unsafe contrasts."""
    suite = load_suite(f"xstest:{XSTEST}")
    kinds = Counter((prompt.kind, prompt.is_lookalike) for prompt in suite)
    assert kinds == {("benign", True): 250, ("harmful", False): 200}
    assert not suite.is_partial


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


def test_every_format_says_where_its_file_comes_from() -> None:
    """A published set has a number, a licence and a source."""
    published = [form for name, form in FORMATS.items() if name != "jsonl"]
    assert all(form.published_n and form.source.startswith("github.com/") for form in published)
    assert all(form.licence != "unknown" for form in published)
