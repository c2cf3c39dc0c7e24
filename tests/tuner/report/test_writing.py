"""A run with a writer, reported: who wrote what, how far it came, and what was turned away."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.config import ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend
from proxy.domain import ChatRequest
from proxy.evaluation.store import EvaluationStore, Run
from proxy.policy.source import dump_policy, load_policy
from tests.tuner.toy import PRESET, SPACE, ToyJudge, toy_suite
from tests.tuner.writing.writers import write, writer
from tuner.config import RunConfig
from tuner.executor import InProcess
from tuner.export import tuned_policy
from tuner.record import Record
from tuner.report import as_json, as_text
from tuner.report.document import as_document
from tuner.report.facts import Facts
from tuner.report.page import as_page
from tuner.report.trials import STAGES
from tuner.session import Session, run_session

CONFIG = RunConfig(
    name="tuned-toy", preset="quick", model=ScriptedConfig(name="toy").model_dump(mode="json"),
    suites=("toy",), judge="scripted", seed=8, space=SPACE, base=None, out="out",
    writer=ScriptedConfig(name="pen").model_dump(mode="json"), writer_calls=12,
)  # fmt: skip


def obeying(request: ChatRequest) -> ScriptedRule:
    """A model that does a third less harm once a written text tells it to treat people well."""
    said = " ".join(str(message["content"]) for message in request.messages[:-1])
    prompt = str(request.messages[-1]["content"])
    is_third = prompt.startswith("harmful") and int(prompt.rsplit(maxsplit=1)[-1]) % 3 == 0
    return ScriptedRule(answers=("refused" if is_third and "Treat " in said else "given",))


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose writer gives a usable text two times in three."""
    path = tmp_path_factory.mktemp("writing") / "tune.sqlite"
    turns = itertools.cycle([None, ScriptedRule(answers=("<prompt>Be",)), None])

    def now_and_then(request: ChatRequest) -> ScriptedRule:
        return next(turns) or write(request)

    with EvaluationStore(path) as store:
        store.add_run(Run("r", 1_000_000.0, CONFIG.as_json()))
        backend, judge = ScriptedBackend(ScriptedConfig(name="toy"), responder=obeying), ToyJudge()
        session = Session(
            config=CONFIG, preset=PRESET, run_id="r", store=store, backend=backend, judge=judge,
            suite=toy_suite(), model_sha256="0" * 64, executor=InProcess(backend, judge, 4),
            stream=io.StringIO(), clock=lambda: 0.0, writer=writer(now_and_then),
        )  # fmt: skip
        asyncio.run(run_session(session))
    return path


@pytest.fixture
def facts(store_path: Path, toy_preset: None) -> Iterator[Facts]:
    """Of that run."""
    with EvaluationStore(store_path, read_only=True) as store:
        yield Facts(Record.load(store, "r"), store, PRESET, toy_suite())


@pytest.fixture
def document(facts: Facts) -> dict[str, Any]:
    """All that its page shows."""
    return as_document(facts)


def test_json_and_text_count_calls_and_rejections(facts: Facts) -> None:
    """Each with its reason, and what they cost."""
    found = json.loads(json.dumps(as_json(facts.record)))["writer"]
    assert found["calls"] == found["most_calls"] == 12
    assert found["rejected"]["no text between the marks"] == 4
    assert found["accepted"] == 12 - sum(found["rejected"].values())
    assert found["tokens"] > 0
    text = as_text(facts.record)
    assert "Writer pen: asked for 12 of at most 12 texts, " in text
    assert "no text between the marks 4" in text


def test_a_run_without_a_writer_says_nothing_of_one(toy_store: Path) -> None:
    """Neither page nor text."""
    with EvaluationStore(toy_store, read_only=True) as store:
        facts = Facts(Record.load(store, "r"), store, PRESET, toy_suite())
        assert as_json(facts.record)["writer"] is None
        assert "Writer" not in as_text(facts.record)
        document = as_document(facts)
    assert document["writing"] is None
    assert all("written text" not in row["genes"] for row in document["trials"])
    assert "Texts that a model wrote" not in as_page(document, store="s")


def test_each_text_says_how_far_it_came(document: dict[str, Any]) -> None:
    """Those that nobody wanted, too."""
    texts = document["writing"]["texts"]
    assert len(texts) == document["writing"]["accepted"]
    assert all(one["candidates"] >= 1 and one["stage"] in STAGES for one in texts)
    assert "tested" in {one["stage"] for one in texts}


def test_the_gene_is_told_by_operator(document: dict[str, Any]) -> None:
    """Importance is of having a text of a kind, since each single one is rare."""
    values = {row["genes"]["written text"] for row in document["trials"]}
    assert values <= {"as in the base policy", "rephrase", "merge", "reflect"}
    assert len(values) > 1


def test_the_page_marks_what_was_written(document: dict[str, Any]) -> None:
    """In the genealogy, against the baseline, and as a table of its own."""
    whole = document["genealogy"]["whole"]
    written = document["genealogy"]["written"]
    assert written is not None
    assert written["by"] == f"pen@{'1' * 12}"
    assert written["text"].split()[0] in "".join(words for kind, words in whole if kind == "new")
    page = as_page(document, store="s.sqlite")
    assert f"<mark>written by {written['by']}, {written['operator']}</mark>" in page
    assert '<section id="writing">' in page


def test_an_exported_policy_says_who_wrote_which_part(facts: Facts) -> None:
    """In its system prompt as in its provenance; and it survives the file."""
    policy = tuned_policy(facts.record)
    assert policy.provenance is not None
    written = policy.provenance.written
    assert written is not None
    assert written.by == f"pen@{'1' * 12}"
    assert policy.system_prompt is not None
    assert policy.system_prompt.text.endswith(written.text)
    again = load_policy(Path("x.yaml"), root=Path(), text=dump_policy(policy))
    assert again.provenance is not None
    assert again.provenance.written == written
    assert again.sha == policy.sha
