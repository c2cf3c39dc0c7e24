"""Hypothesis strategies of the tuner's values."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import strategies as st

from tests.tuner.toy import SPACE
from tuner.genome import Genome
from tuner.space import load_space
from tuner.variation import random_genome

TOY_SPACE = load_space(text=SPACE)


def genomes() -> st.SearchStrategy[Genome]:
    """Canonical genomes of the toy space, some with a written text."""
    texts = st.none() | st.sampled_from(["Be kind to everyone.", "Help, but never with harm."])
    return st.tuples(st.integers(0, 2**32), texts).map(
        lambda drawn: replace(random_genome(TOY_SPACE, random.Random(drawn[0])), written=drawn[1])
    )
