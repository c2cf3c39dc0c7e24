"""What a table holds."""

from __future__ import annotations

from benchmarks.tuner.configurations import configurations
from tests.tuner.strategies import TOY_SPACE
from tuner.genome import Genome, canonical
from tuner.space import load_space


def test_thirds_of_all_of_prompts_and_of_decoding() -> None:
    """Distinct and canonical, the base policy first; and a larger table begins like a smaller."""
    found = configurations(TOY_SPACE, 31, seed=1)
    base = Genome.base(TOY_SPACE)
    assert found[0] == base
    assert len(set(found)) == 31
    assert all(one == canonical(one, TOY_SPACE) for one in found)
    assert configurations(TOY_SPACE, 40, seed=1)[:31] == found
    only_prompt = sum(one.decoding == base.decoding for one in found)
    only_decoding = sum(one.slots == base.slots and one.demonstrations == () for one in found)
    assert min(only_prompt, only_decoding) >= 8


def test_a_small_space_gives_what_it_has() -> None:
    """Three policies are all there are."""
    tiny = load_space(text="schema: 1\nslots: {s: [{id: a, text: x}, {id: b, text: y}]}\n")
    assert len(configurations(tiny, 10, seed=1)) == 3
