from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from proxy.errors import SuiteError
from proxy.suites.catalogue import FORMATS
from proxy.suites.loaders import load_suite
from proxy.suites.suite import Suite

OWN = {"csv", "json", "jsonl", "yaml"}
MILD = ("How would one pick a lock?", "How would one fake a sick note?")

# Name → the columns a published row has, the column of the prompt, and the category expected.
TABLES = {
    "advbench": ({"target": "Sure"}, "goal", "other"),
    "ailuminate": ({"hazard": "spc_hlt", "locale": "en_US"}, "prompt_text", "advice"),
    "ailuminate-practice": ({"hazard": "ncr"}, "prompt_text", "crime"),
    "donotanswer": ({"types_of_harm": "Adult Content"}, "question", "sexual"),
    "harmbench": ({"SemanticCategory": "copyright", "ContextString": ""}, "Behavior", "ip"),
    "harmeval": ({"Topic": "Malware"}, "Question", "cyber"),
    "jailbreakbench": ({"Category": "Fraud/Deception", "Index": "0"}, "Goal", "crime"),
    "jailbreakbench-benign": ({"Category": "Privacy"}, "Goal", "privacy"),
    "or-bench-80k": ({"category": "self-harm"}, "prompt", "self_harm"),
    "or-bench-hard": ({"category": "deception"}, "prompt", "crime"),
    "or-bench-toxic": ({"category": "hate"}, "prompt", "hate"),
    "simplesafetytests": ({"harm_area": "Scams and Fraud"}, "prompt", "crime"),
    "sorry-bench": ({"category": "10", "prompt_style": "base"}, "turns", "crime"),
    "sosbench": ({"subject": "chemistry"}, "goal", "violence"),
    "sosbench-lite": ({"subject": "psychology"}, "goal", "advice"),
    "strongreject": ({"category": "Non-violent crimes"}, "forbidden_prompt", "crime"),
    "strongreject-small": ({"category": "Violence"}, "forbidden_prompt", "violence"),
}
BENIGN = {"jailbreakbench-benign", "or-bench-80k", "or-bench-hard"}


def _load(folder: Path, name: str, text: str) -> Suite:
    path = folder / "file"
    path.write_text(text, encoding="utf-8")
    return load_suite(f"{name}:{path}")


def _rows(name: str) -> list[dict[str, str]]:
    others, column, _ = TABLES[name]
    return [{**others, column: text} for text in MILD]


def _csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_published_table_loads_in_whatever_form_it_circulates(
    name: str, form: str, tmp_path: Path
) -> None:
    """The authors' CSV and an export of a data-set hub have the same columns."""
    rows = _rows(name)
    texts = {
        "csv": _csv(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
        "json": json.dumps(rows, indent=1),
    }
    suite = _load(tmp_path, name, texts[form])
    kind = "benign" if name in BENIGN else "harmful"
    assert [prompt.text for prompt in suite] == list(MILD)
    assert {(p.kind, p.category, p.is_lookalike) for p in suite} == {
        (kind, TABLES[name][2], name in BENIGN)
    }
    assert suite.is_partial
    assert f"2 of the {FORMATS[name].published_n} published rows" in str(suite.headline_refusal)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "advbench"])
def test_unknown_category_is_one_problem_however_many_rows_have_it(
    name: str, tmp_path: Path
) -> None:
    """It would silently become `other`; the value and what is known are named."""
    rows = _rows(name)
    column = next(key for key in rows[0] if key.lower() in {
        "category", "hazard", "harm_area", "semanticcategory", "subject", "topic", "types_of_harm"
    })  # fmt: skip
    text = _csv([{**row, column: "cookery"} for row in rows])
    with pytest.raises(SuiteError) as caught:
        _load(tmp_path, name, text)
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert problem.message.startswith(f"{column.lower()} is 'cookery' in 2 row(s)")


@pytest.mark.parametrize("name", TABLES)
def test_missing_column_is_one_problem(name: str, tmp_path: Path) -> None:
    """With the columns that are there, and how to load a table of one's own."""
    with pytest.raises(SuiteError) as caught:
        _load(tmp_path, name, "dish,taste\nsoup,good\nstew,fair\n")
    (problem,) = caught.value.problems
    assert TABLES[name][1].lower() in problem.message
    assert "(it has dish, taste)" in problem.message


def test_harmbench_context_goes_before_its_behaviour(tmp_path: Path) -> None:
    """As HarmBench's own direct requests put it."""
    row = {"Behavior": "Sum it up.", "SemanticCategory": "illegal", "ContextString": "A text."}
    (prompt,) = _load(tmp_path, "harmbench", _csv([row]))
    assert prompt.text == "A text.\n\n---\n\nSum it up."


def test_sorry_bench_leaves_out_other_styles_and_reads_turns(tmp_path: Path) -> None:
    """The 20 linguistic mutations are another set than the 440 base prompts."""
    rows = [
        {"turns": [MILD[0]], "category": "6", "prompt_style": "base"},
        {"turns": [MILD[1]], "category": "6", "prompt_style": "slang"},
    ]
    suite = _load(tmp_path, "sorry-bench", "\n".join(map(json.dumps, rows)))
    assert [(p.text, p.category) for p in suite] == [(MILD[0], "self_harm")]
    assert suite.n_rows == 1


def test_empty_prompt_is_named_with_row_and_column(tmp_path: Path) -> None:
    """All of them at once."""
    text = "goal,target\n,x\nHow?,x\n  ,x\n"
    with pytest.raises(SuiteError) as caught:
        _load(tmp_path, "advbench", text)
    assert [(p.line, p.path) for p in caught.value.problems] == [(2, "goal"), (4, "goal")]


def test_own_formats_read_the_same_suite(tmp_path: Path) -> None:
    """Whatever is typed it in: kinds, categories, look-alikes and splits are the same."""
    rows = [
        {"prompt": "How?", "kind": "benign", "lookalike": True, "category": "crime"},
        {"prompt": "Why: so?", "kind": "harmful"},
    ]
    texts = {
        "jsonl": "\n".join(map(json.dumps, rows)),
        "json": json.dumps(rows),
        "csv": "prompt,kind,lookalike,category\nHow?,benign,true,crime\nWhy: so?,harmful,,\n",
        "yaml": "- prompt: How?\n  kind: benign\n  lookalike: true\n  category: crime\n"
        "- {prompt: 'Why: so?', kind: harmful}\n",
    }
    assert set(texts) == OWN
    suites = [_load(tmp_path, name, text) for name, text in texts.items()]
    seen = {
        tuple((p.id, p.kind, p.category, p.is_lookalike, p.split) for p in suite)
        for suite in suites
    }
    assert len(seen) == 1
    assert {suite.published_n for suite in suites} == {None}


def test_every_published_set_has_a_number_a_licence_and_a_source() -> None:
    """So that a partial set is known as one, and outsiders can get the file."""
    published = [form for name, form in FORMATS.items() if name not in OWN]
    assert all(form.published_n for form in published)
    assert all(form.source.startswith(("github.com/", "Hugging Face ")) for form in published)
    assert all(form.licence and form.title for form in published)
