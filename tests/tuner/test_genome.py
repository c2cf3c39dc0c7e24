"""Genes, the policy that they mean, and twins that are recognised as one."""

from __future__ import annotations

import dataclasses
import json
import random

import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.rules import Enforce
from proxy.policy.schema import PASSTHROUGH, Policy
from tests.tuner.strategies import TOY_SPACE, genomes
from tuner.genome import Genome, canonical, to_policy
from tuner.space import load_space
from tuner.variation import cross, mutate, random_genome

BASE = Policy.model_validate(
    {
        "schema": 1,
        "name": "current",
        "match": {"models": ["toy"], "priority": 3},
        "system_prompt": {"text": "Be brief.", "placement": "replace"},
        "demonstrations": [{"user": "a", "assistant": "b"}],
        "decoding": {"temperature": 0.9, "max_tokens": {"max": 100}},
    }
)


def genome(**settings: float | None) -> Genome:
    """A genome of the toy space with these settings and nothing else."""
    return dataclasses.replace(
        Genome.base(TOY_SPACE), decoding=tuple(settings.get(name) for name in TOY_SPACE.grids)
    )


def test_the_genome_without_genes_is_the_base_policy() -> None:
    """The baseline is measured by the same code as every candidate."""
    for base in (PASSTHROUGH, BASE):
        policy = to_policy(Genome.base(TOY_SPACE), TOY_SPACE, base, name="candidate")
        assert policy.phenotype == base.phenotype


def test_genes_change_what_they_name_and_leave_the_rest_of_the_base() -> None:
    """Slots follow the base's own text, demonstrations replace, settings are enforced beside."""
    changed = Genome(("care", "calm"), ("fine-one", "safe-one"), (0.4, None, None, None))
    policy = to_policy(changed, TOY_SPACE, BASE, name="tuned")
    assert policy.name == "tuned"
    assert policy.system_prompt is not None
    assert policy.system_prompt.text == "Be brief. Think before you speak. Stay calm."
    assert policy.system_prompt.placement == "replace"
    assert [demo.user for demo in policy.demonstrations] == [
        "fine example one", "safe example one",
    ]  # fmt: skip
    settings = dict(policy.decoding)
    assert settings["temperature"] == Enforce(0.4)
    assert "max_tokens" in settings
    assert policy.match.models is None


def test_a_written_text_follows_the_slots_and_is_part_of_the_key() -> None:
    """Two texts are two policies; what was said before stays where it was."""
    slots = Genome(("care", None), (), (None,) * 4)
    texts = (None, "Weigh every word.", "Weigh every word twice.")
    policies = [
        to_policy(dataclasses.replace(slots, written=text), TOY_SPACE, BASE, name="x")
        for text in texts
    ]
    assert len({policy.phenotype for policy in policies}) == 3
    assert policies[1].system_prompt is not None
    assert policies[1].system_prompt.text == ("Be brief. Think before you speak. Weigh every word.")


def test_the_journal_names_a_written_text_only_where_there_is_one() -> None:
    """So that a run of an earlier version is still the same run."""
    plain = Genome.base(TOY_SPACE)
    assert set(plain.as_json()) == {"slots", "demonstrations", "decoding"}
    assert dataclasses.replace(plain, written="Be kind.").as_json()["written"] == "Be kind."


def test_slots_alone_keep_the_bases_demonstrations() -> None:
    """No demonstration genes leave those of the base."""
    policy = to_policy(Genome(("firm", None), (), (None,) * 4), TOY_SPACE, BASE, name="x")
    assert len(policy.demonstrations) == 1


def test_a_new_system_prompt_is_prepended() -> None:
    """Without a base prompt the client's own follows."""
    policy = to_policy(Genome(("firm", None), (), (None,) * 4), TOY_SPACE, PASSTHROUGH, name="x")
    assert policy.system_prompt is not None
    assert policy.system_prompt.placement == "prepend"


def test_truncation_is_inert_at_temperature_zero() -> None:
    """Twins under greedy decoding have one key."""
    greedy = canonical(genome(temperature=0.0, top_p=0.5, top_k=5, repeat_penalty=1.1), TOY_SPACE)
    assert greedy == genome(temperature=0.0, repeat_penalty=1.1)
    warm = genome(temperature=0.4, top_p=0.5, top_k=5)
    assert canonical(warm, TOY_SPACE) == warm


def test_a_window_means_nothing_without_a_penalty() -> None:
    """What the penalties look at is a twin's difference where no gene sets one of them."""
    decoding = {"presence_penalty": [0.5], "repeat_last_n": [32, 128]}
    space = load_space(text=yaml.safe_dump({"schema": 1, "decoding": decoding}))
    base = Genome.base(space)
    assert canonical(dataclasses.replace(base, decoding=(None, 128)), space) == base
    with_penalty = dataclasses.replace(base, decoding=(0.5, 128))
    assert canonical(with_penalty, space) == with_penalty


BIASED = {"schema": 1, "logit_bias": {"I": [-2.0, -1.0], "We": [1.0]}}
"""A space that knows biases and nothing else."""


def test_biases_are_enforced_beside_the_bases_other_ones() -> None:
    """By the token's id; what the base policy says of another token stays."""
    space = load_space(text=yaml.safe_dump(BIASED | {"tokens": {"I": 57, "We": 9}}))
    one = Genome((), (), (-1.0, None))
    assert canonical(one, space) == one
    for decoding, expected in (
        ({}, {"57": -1.0}),
        ({"logit_bias": {57: 3.0, 8: 4.0}}, {"57": -1.0, "8": 4.0}),
        ({"logit_bias": {"default": {8: 4.0}}}, {"57": -1.0, "8": 4.0}),
    ):
        base = Policy.model_validate({"schema": 1, "name": "base", "decoding": decoding})
        settings = dict(to_policy(one, space, base, name="x").decoding)
        assert settings == {"logit_bias": Enforce(expected)}
        assert to_policy(Genome.base(space), space, base, name="x").phenotype == base.phenotype


def test_a_bias_on_a_token_of_no_known_id_means_nothing() -> None:
    """Another model has another vocabulary."""
    space = load_space(text=yaml.safe_dump(BIASED))
    assert canonical(Genome((), (), (-1.0, 1.0)), space) == Genome.base(space)


def test_seeds_name_biases_by_the_tokens_text() -> None:
    """As the grids do."""
    seeds = [{"name": "line", "logit_bias": {"We": 1.0}}]
    space = load_space(text=yaml.safe_dump(BIASED | {"seeds": seeds}))
    assert Genome.of_seed(space.seeds[0], space) == Genome((), (), (None, 1.0))


@given(st.integers(0, 2**32))
def test_what_is_drawn_crossed_and_mutated_is_canonical(seed: int) -> None:
    """With the real library, whose window means nothing without a penalty."""
    space, rng = load_space(), random.Random(seed)
    first, second = random_genome(space, rng), random_genome(space, rng)
    made = [first, second, cross(first, second, space, rng), mutate(first, space, rng)]
    assert [canonical(one, space) for one in made] == made


def test_the_order_of_demonstrations_matters_and_the_name_does_not() -> None:
    """The key is what the policy does."""
    first = Genome((None, None), ("safe-one", "fine-one"), (None,) * 4)
    second = dataclasses.replace(first, demonstrations=("fine-one", "safe-one"))
    keys = {
        to_policy(one, TOY_SPACE, PASSTHROUGH, name=name).phenotype
        for one, name in [(first, "a"), (first, "b"), (second, "a")]
    }
    assert len(keys) == 2


@given(genomes())
def test_canonical_is_idempotent_and_keeps_the_behaviour(one: Genome) -> None:
    """A canonical genome stays itself."""
    assert canonical(one, TOY_SPACE) == one


@given(genomes())
def test_genomes_survive_the_journal(one: Genome) -> None:
    """Through JSON and back."""
    assert Genome.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_seeds_become_genomes() -> None:
    """What a seed does not name stays unset."""
    assert Genome.of_seed(TOY_SPACE.seeds[0], TOY_SPACE) == Genome(
        (None, None), ("safe-one", "fine-one"), (0.4, None, None, None)
    )
