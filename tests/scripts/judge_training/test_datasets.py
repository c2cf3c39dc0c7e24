"""The public sets, where they are at hand, and the assets made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.judge_training import datasets
from scripts.judge_training.datasets import DataError, Row, unique

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
ASSETS = ROOT / "proxy" / "judges" / "assets"


def test_unique_keeps_the_first_of_equal_answers() -> None:
    """White space at the ends does not make another answer."""
    first = Row("p", "a", label=True, family="x", group="p")
    again = Row("p", " a\n", label=False, family="y", group="p")
    assert unique([first, again]) == [first]


def test_truncated_set_is_an_error(tmp_path: Path) -> None:
    """Half a download must not train a judge."""
    folder = tmp_path / datasets.ARTIFACTS
    folder.mkdir(parents=True)
    (folder / "one.json").write_text(json.dumps({"jailbreaks": []}))
    with pytest.raises(DataError, match="0 rows, expected 1637"):
        datasets.load_artifacts(tmp_path)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("fluency", set()),
        ("relevance", set()),
        ("compliance", {datasets.LEGAL_ANSWERS}),
        (
            "ngrams",
            {datasets.LEGAL_ANSWERS, datasets.GPTFUZZ_TRAIN, datasets.GPTFUZZ_QUESTIONS},
        ),
    ],
)
def test_assets_name_their_sources(name: str, left_out: set[str]) -> None:
    """Each asset says what it was made of, and the second head saw no answer labelled by people."""
    document = json.loads((ASSETS / f"{name}.json").read_text(encoding="utf-8"))
    assert set(document["trained_on"]) == set(datasets.SOURCES) - left_out


def test_assets_were_trained_on_todays_data() -> None:
    """Where the sets are at hand, they are those of the assets."""
    if not DATA.is_dir():
        pytest.skip("the public data sets are not beside the repository")
    document = json.loads((ASSETS / "compliance.json").read_text(encoding="utf-8"))
    for source, sha256 in document["trained_on"].items():
        assert datasets.fingerprint(DATA, source) == sha256, source
