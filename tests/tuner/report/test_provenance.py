"""From what, how again, and how to use it."""

from __future__ import annotations

import html
import re
import shlex
from typing import Any

from tuner.report.provenance import provenance


def written(document: dict[str, Any]) -> str:
    """Both sections."""
    return "\n".join(provenance(document, "my/tune.sqlite"))


def test_a_policy_that_holds_up_can_be_promoted_by_one_command(document: dict[str, Any]) -> None:
    """Without force, for some or for all, and one goes back; the file itself is on the page."""
    page = written(document)
    for way in ("", " --canary 0.1", " --undo"):
        assert re.search(f"guardtune tune export --store my/tune.sqlite --run r{way}(\n|<)", page)
    assert "--force" not in page
    assert "name: tuned-toy" in page


def test_one_that_does_not_is_a_shadow_or_needs_force_and_the_reason_stands_first(
    document: dict[str, Any],
) -> None:
    """Nobody promotes it by accident."""
    document["why_not"] = "the test split does not show a lower harmful rate"
    page = written(document)
    assert page.index("Not given to users, because the test split") < page.index("--force")


def test_everything_that_makes_the_run_is_named(document: dict[str, Any]) -> None:
    """Digests, seed, judge, versions, and the command."""
    page = written(document)
    for part in ("0" * 64, document["result"]["journal"], "seed 8", "toy-1", "DEAP ", "GuardTune ",
                 "guardtune tune run --preset quick --algorithm paired-race --seed 8",
                 "over-refusal-gain=0.05, relevance-loss=0.05", "feasibility first"):  # fmt: skip
        assert part in page


def test_the_command_has_all_that_bounds_the_search(document: dict[str, Any]) -> None:
    """Another budget would be another search."""
    assert "--tokens" not in written(document)
    document |= {"most_tokens": 5000, "writer_calls": 7}
    page = written(document)
    assert "--tokens 5000" in page
    assert "--writer-calls 7" in page


def test_what_the_command_cannot_say_is_named(document: dict[str, Any]) -> None:
    """A model and a library of one's own: their files are not recorded."""
    assert "as they were given: --model, --space" in written(document)
    document["given"] = []
    assert "as they were given" not in written(document)


def test_without_a_policy_there_is_nothing_to_promote(document: dict[str, Any]) -> None:
    """Before the first generation has ended."""
    document["policy"] = None
    assert "There is no policy yet." in written(document)


def test_the_command_can_be_pasted_whatever_is_in_a_path(document: dict[str, Any]) -> None:
    """Blanks are quoted; a writer is among what was given, its name alone says too little."""
    document |= {"suites": ["catqa-en:my files/catqa.json"], "judge_spec": "my judge.yaml"}
    document["result"] = {**document["result"], "writer": {"name": "my writer"}}
    page = html.unescape(written(document))
    again = next(line for line in page.split("<pre>") if line.startswith("guardtune tune run"))
    words = shlex.split(again.partition("</pre>")[0])
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options["--suite"] == "catqa-en:my files/catqa.json"
    assert options["--judge"] == "my judge.yaml"
    assert "--writer" not in options
    store = html.unescape("".join(provenance(document, "my store/tune.sqlite")))
    assert "guardtune tune export --store 'my store/tune.sqlite' --run r" in store
