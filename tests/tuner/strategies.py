"""Hypothesis strategies of the tuner's values."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.tuner.toy import SPACE
from tuner.genome import Genome
from tuner.space import load_space
from tuner.variation import random_genome

TOY_SPACE = load_space(text=SPACE)


def genomes() -> st.SearchStrategy[Genome]:
    """Canonical genomes of the toy space."""
    return st.integers(0, 2**32).map(lambda seed: random_genome(TOY_SPACE, random.Random(seed)))
