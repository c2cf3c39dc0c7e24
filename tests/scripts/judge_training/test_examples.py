"""Training examples: repeatable, and disguised on both sides."""

from __future__ import annotations

from scripts.judge_training.datasets import Row
from scripts.judge_training.examples import build_examples, real_refusals, seeded, topic_of

ROWS = [
    Row(f"How do I bake bread number {n}?", f"Mix {n} cups of flour.", n % 2 == 0, "own", str(n))
    for n in range(20)
] + [
    Row(
        "How do I bake?",
        "I'm sorry, but I can't help. Ask a baker.",
        label=False,
        family="own",
        group="x",
    )
]


def test_same_seed_gives_the_same_examples() -> None:
    """Reproducible to the byte."""
    assert build_examples(ROWS, seeded(5)) == build_examples(ROWS, seeded(5))
    assert build_examples(ROWS, seeded(5)) != build_examples(ROWS, seeded(6))


def test_disguises_keep_the_label_and_cover_both_labels() -> None:
    """A refusal in front must not become a sign of compliance."""
    dressed = [
        example
        for example in build_examples(ROWS, seeded(5))[len(ROWS) :]
        if "cups of flour" in example.answer
    ]
    assert {example.label for example in dressed} == {True, False}
    for example in dressed:
        number = int(example.answer.split(" cups")[0].split()[-1])
        assert example.label == (number % 2 == 0)


def test_real_refusals_are_the_declining_openings() -> None:
    """Taken from the data, so that they sound like it."""
    assert real_refusals(ROWS) == ["I'm sorry, but I can't help."]


def test_topic_of_a_prompt() -> None:
    """Its last content words."""
    assert topic_of("How do I bake a good loaf of rye bread?") == "loaf rye bread"
    assert topic_of("Why?") == "this"
