"""Genes by name, and what differs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.tuner.strategies import TOY_SPACE, genomes
from tuner.genome import Genome
from tuner.report.genes import UNSET, WRITTEN, changes, described, text_name, with_gene


def test_demonstrations_are_described_by_kind_and_by_the_last() -> None:
    """Their order matters to a model, their names to nobody."""
    genome = Genome(("care", None), ("fine-one", "safe-one"), (0.4, None, None, 0.9))
    found = described(genome, TOY_SPACE)
    assert found["safe demonstrations"] == found["benign demonstrations"] == 1
    assert found["last demonstration"] == "safe"
    assert (found["stance"], found["tone"]) == ("care", UNSET)
    assert (found["temperature"], found["top_p"]) == (0.4, UNSET)


@given(genomes(), genomes())
def test_taking_over_every_changed_gene_arrives(first: Genome, second: Genome) -> None:
    """One gene at a time; some mean nothing until another one has changed."""
    genome = first
    for _ in range(10):
        onward = [
            taken
            for change in changes(genome, second, TOY_SPACE)
            if (taken := with_gene(genome, change.gene, second, TOY_SPACE)) != genome
        ]
        genome = onward[0] if onward else genome
    assert genome == second


def test_a_genome_differs_from_itself_in_nothing() -> None:
    """And from the base in what is set."""
    base = Genome.base(TOY_SPACE)
    assert changes(base, base, TOY_SPACE) == ()
    other = Genome(("care", None), (), (None,) * 4)
    (change,) = changes(base, other, TOY_SPACE)
    assert (change.gene, change.before, change.after) == ("stance", UNSET, "care")


def test_written_texts_differ_by_name() -> None:
    """Too long for a line, and no library has an id for them."""
    base = Genome.base(TOY_SPACE)
    one, other = (replace(base, written=text) for text in ("Be kind.", "Be kind. Be brief."))
    (change,) = changes(one, other, TOY_SPACE)
    assert (change.gene, change.before) == (WRITTEN, text_name("Be kind."))
    assert change.before != change.after
    assert with_gene(base, WRITTEN, one, TOY_SPACE) == one
