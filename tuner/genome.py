"""A candidate as genes, and the policy that the genes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from proxy.policy.rules import Clamp
from proxy.policy.schema import Policy
from tuner.space import PENALTIES, Seed, Space, bias_gene

_INERT_WHEN_GREEDY = ("top_p", "min_p", "top_k")
"""At temperature 0 the likeliest token is taken, whatever these say."""


@dataclass(frozen=True, slots=True)
class Genome:
    """Genes by name, so that a stored genome outlives edits of the library.

    ``None`` leaves a slot empty or a setting as the base policy has it; no demonstrations leaves
    those of the base policy. The genome without any gene set is the base policy itself.
    A written text is its own name: no library holds it.

    Args:
        slots: fragment id of each slot of the space, in its order.
        demonstrations: ids, in the order in which the model sees them.
        decoding: value of each grid of the space, in its order.
        written: a text that another model wrote for the system prompt, after those of the slots.
    """

    slots: tuple[str | None, ...]
    demonstrations: tuple[str, ...]
    decoding: tuple[float | None, ...]
    written: str | None = None

    @classmethod
    def base(cls, space: Space) -> Self:
        """The genome that changes nothing."""
        return cls((None,) * len(space.slots), (), (None,) * len(space.grids))

    @classmethod
    def of_seed(cls, seed: Seed, space: Space) -> Self:
        """The genes that a hand-written seed names."""
        biases = {bias_gene(token): bias for token, bias in seed.logit_bias.items()}
        wanted = seed.decoding | biases
        return cls(
            tuple(seed.slots.get(name) for name in space.slots),
            seed.demonstrations,
            tuple(
                next((value for value in grid if value == wanted.get(setting)), None)
                for setting, grid in space.grids.items()
            ),
        )

    def as_json(self) -> dict[str, Any]:
        """For the journal: plain lists; a written text only where there is one."""
        genes: dict[str, Any] = {
            "slots": list(self.slots),
            "demonstrations": list(self.demonstrations),
            "decoding": list(self.decoding),
        }
        return genes if self.written is None else genes | {"written": self.written}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`."""
        return cls(
            slots=tuple(data["slots"]),
            demonstrations=tuple(data["demonstrations"]),
            decoding=tuple(data["decoding"]),
            written=data.get("written"),
        )


def canonical(genome: Genome, space: Space) -> Genome:
    """The genome without genes that mean nothing, so that twins are recognised as one.

    Otherwise the search would spend its budget on twins, and gene importance would lie.
    """
    settings = dict(zip(space.grids, genome.decoding, strict=True))
    if settings.get("temperature") == 0.0:
        settings |= {name: None for name in _INERT_WHEN_GREEDY if name in settings}
    if "repeat_last_n" in settings and all(settings.get(name) is None for name in PENALTIES):
        # Penalties of the base policy keep its own window.
        settings["repeat_last_n"] = None
    # A token that the model is not known to have cannot be biased.
    settings |= {bias_gene(token): None for token in space.logit_bias if token not in space.tokens}
    return replace(genome, decoding=tuple(settings.values()))


def to_policy(genome: Genome, space: Space, base: Policy, *, name: str) -> Policy:
    """The policy that a genome means, on top of the base policy.

    Slot texts and the written one follow the base's own system prompt, in its placement;
    demonstrations replace the base's; settings are enforced beside the base's other settings, and
    biases beside its biases on other tokens.

    Args:
        genome: its genes must be of this space.
        space: the library that the genes name.
        base: what unset genes leave as it is.
        name: of the new policy.
    """
    content = base.content()
    for key in ("match", "rollout", "description"):
        content.pop(key, None)
    content["name"] = name
    if text := _system_text(genome, space, base):
        placement = "prepend" if base.system_prompt is None else base.system_prompt.placement
        content["system_prompt"] = {"text": text, "placement": placement}
    if genome.demonstrations:
        chosen = [space.examples[example] for example in genome.demonstrations]
        content["demonstrations"] = [{"user": e.user, "assistant": e.assistant} for e in chosen]
    if enforced := _enforced(genome, space, base):
        content["decoding"] = content.get("decoding", {}) | enforced
    return Policy.model_validate(content)


def own_texts(genome: Genome, space: Space) -> list[str]:
    """What a genome adds to the system prompt: the slots' texts in order, then the written one."""
    chosen = [
        space.fragments[slot][fragment]
        for slot, fragment in zip(space.slots, genome.slots, strict=True)
        if fragment is not None
    ]
    return chosen if genome.written is None else [*chosen, genome.written]


def _system_text(genome: Genome, space: Space, base: Policy) -> str:
    chosen = own_texts(genome, space)
    if chosen and base.system_prompt is not None:
        chosen.insert(0, base.system_prompt.text.strip())
    return " ".join(chosen)


def _enforced(genome: Genome, space: Space, base: Policy) -> dict[str, Any]:
    genes = zip(space.grids, genome.decoding, strict=True)
    values = {setting: value for setting, value in genes if value is not None}
    biases = {
        str(space.tokens[token]): values.pop(bias_gene(token))
        for token in space.logit_bias
        if bias_gene(token) in values
    }
    return {**values, "logit_bias": _biases(base) | biases} if biases else {**values}


def _biases(policy: Policy) -> dict[str, float]:
    rule = policy.decoding.logit_bias
    value = None if rule is None or isinstance(rule, Clamp) else rule.value
    return dict(value) if isinstance(value, Mapping) else {}
