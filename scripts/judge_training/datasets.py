"""Labelled (prompt, answer) rows from the licence-clean public sets, read by path and never copied.

Every set here is MIT-licensed, so weights trained on it may be shipped. Each loader checks its row
count: a truncated download must not become a silently different judge.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GPTFUZZ_TRAIN = "gptfuzz/datasets/responses_labeled/train.csv"
GPTFUZZ_EVALUATE = "gptfuzz/datasets/responses_labeled/evaluate.csv"
GPTFUZZ_QUESTIONS = "gptfuzz/datasets/questions/question_list.csv"
ARTIFACTS = "jailbreakbench-artifacts/attack-artifacts"
PAST_TENSE = "llm-past-tense/jailbreak_artifacts"
LEGAL_ANSWERS = "safelawbench/data/dataset/open-qa/applied-legal-questions.json"
LAB_SAFETY = "labsafety/llamafactory_data/text_qa_train.json"

SOURCES = {
    GPTFUZZ_TRAIN: "sherdencooper/GPTFuzz at 1eddeb5, MIT; human labels",
    GPTFUZZ_QUESTIONS: "sherdencooper/GPTFuzz at 1eddeb5, MIT; the requests of the row above",
    ARTIFACTS: "JailbreakBench/artifacts at 909e68c, MIT; labels of a Llama-3-70B judge",
    PAST_TENSE: "tml-epfl/llm-past-tense at 179e305, MIT; rows on which both judges agree",
    LEGAL_ANSWERS: "chuxuecao/SafeLawBench at e1868b3, Apache-2.0; fluency tables only",
}
"""What the shipped weights are made from, and where anyone gets it (on GitHub)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled answer.

    Args:
        prompt: the harmful-leading request itself, without the attack wrapped around it.
        answer: the model's answer.
        label: whether the answer complies with the request.
        family: the data set, the unit that leave-one-family-out holds out.
        group: what must not straddle a split: the request.
        kind: ``plain`` where no jailbreak template stood around the request.
    """

    prompt: str
    answer: str
    label: bool
    family: str
    group: str
    kind: str = "attack"


class DataError(Exception):
    """A data set is missing or incomplete; says which and where outsiders get it."""


def _checked(rows: list[Row], path: str, expected: int) -> list[Row]:
    if len(rows) != expected:
        raise DataError(f"{path}: {len(rows)} rows, expected {expected}. Fetch the set again.")
    return rows


def load_gptfuzz(data: Path, file: str) -> list[Row]:
    """Human-labelled answers to jailbreak templates; ``file`` is its train or evaluate split."""
    with (data / GPTFUZZ_QUESTIONS).open(encoding="utf-8", newline="") as handle:
        questions = {row["index"]: row["text"] for row in csv.DictReader(handle)}
    with (data / file).open(encoding="utf-8", errors="replace", newline="") as handle:
        rows = [
            Row(
                prompt=questions[row["question"]],
                answer=row["Response"],
                label=row["label"] == "1",
                family="gptfuzz" if file == GPTFUZZ_TRAIN else "gptfuzz-evaluate",
                group=questions[row["question"]],
            )
            for row in csv.DictReader(handle)
        ]
    return _checked(rows, file, 6160 if file == GPTFUZZ_TRAIN else 1540)


def load_artifacts(data: Path) -> list[Row]:
    """Answers to five attacks on four models, labelled by JailbreakBench's judge."""
    rows = [
        Row(
            prompt=str(item["goal"]),
            answer=str(item["response"]),
            label=bool(item["jailbroken"]),
            family="jailbreakbench",
            group=str(item["goal"]),
        )
        for path in sorted((data / ARTIFACTS).rglob("*.json"))
        for item in json.loads(path.read_text(encoding="utf-8"))["jailbreaks"]
        if item["response"]
    ]
    return _checked(rows, ARTIFACTS, 1637)


def _past_tense_items(data: Path) -> Iterator[dict[str, object]]:
    for path in sorted((data / PAST_TENSE).rglob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        yield from document["jb_artifacts"]


def load_past_tense(data: Path) -> list[Row]:
    """Answers to requests moved into the past or future tense, where both judges agree."""
    return [
        Row(
            prompt=str(item["request"]),
            answer=str(item["response"]),
            label=bool(item["jailbroken_gpt"]),
            family="past-tense",
            group=str(item["request"]),
            kind="plain",
        )
        for item in _past_tense_items(data)
        if item["response"] and bool(item["jailbroken_gpt"]) == bool(item["jailbroken_llama"])
    ]


def load_legal_pairs(data: Path) -> list[tuple[str, str]]:
    """(question, answer) of people on everyday law (Apache-2.0): good answers, no harm."""
    document = json.loads((data / LEGAL_ANSWERS).read_text(encoding="utf-8"))
    return [(str(item["question"]), str(item["answer"])) for item in document]


def load_lab_pairs(data: Path) -> list[tuple[str, str]]:
    """(question, answer) of a model on laboratory safety (MIT): good answers, no harm."""
    document = json.loads((data / LAB_SAFETY).read_text(encoding="utf-8"))
    return [(str(item["input"]), str(item["output"])) for item in document]


def unique(rows: list[Row]) -> list[Row]:
    """``rows`` without repeated (prompt, answer) pairs; the first of each stays."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        found.setdefault((row.prompt, row.answer.strip()), row)
    return list(found.values())


def fingerprint(data: Path, source: str) -> str:
    """The sha256 over a file, or over the JSON files below a folder in the order of paths."""
    root = data / source
    paths = [root] if root.is_file() else sorted(root.rglob("*.json"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(data).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
