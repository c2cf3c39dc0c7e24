"""The two heads as they are trained: from which families, by what, into which asset."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.judges.compliance import ComplianceHead, parse_head
from proxy.judges.ngrams import NgramHead, parse_ngrams
from scripts.judge_training.examples import Example
from scripts.judge_training.fit import fit_head
from scripts.judge_training.fit_ngrams import fit_ngrams

Head = ComplianceHead | NgramHead

FAMILIES = ("gptfuzz", "jailbreakbench", "past-tense")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One head.

    Args:
        name: of the judge around it, as the roster spells it; the card's file name, too.
        asset: the file it ships in.
        families: those it is trained on.
        is_lexical: the judge around it has a relevance by words alone.
        fit: examples → the document of the asset, with no shift yet.
        parse: the asset's content → the head.
    """

    name: str
    asset: str
    families: tuple[str, ...]
    is_lexical: bool
    fit: Callable[[Sequence[Example]], dict[str, Any]]
    parse: Callable[[bytes], Head]

    def head(self, examples: Sequence[Example]) -> Head:
        """A head fitted on ``examples`` for measuring, its operating point not yet chosen."""
        return self.parse(json.dumps(self.fit(examples)).encode())


FIRST = Recipe(
    name="embedded",
    asset="compliance.json",
    families=FAMILIES,
    is_lexical=False,
    fit=fit_head,
    parse=parse_head,
)
SECOND = Recipe(
    name="embedded-ngrams",
    asset="ngrams.json",
    families=("jailbreakbench", "past-tense"),
    is_lexical=True,
    fit=fit_ngrams,
    parse=parse_ngrams,
)
