"""A longer look at the candidates that promise most, before finalists are chosen from among them.

Most survivors have answered a score of benign prompts, of which one that refuses a tenth of all
look-alikes has mostly refused one or none. Validating these would waste it: in one run four of six
finalists turned out to refuse 18 to 48 points more look-alikes than the baseline
(docs/tuner-runs.md). Whoever time kept from a second rung is looked at, too, if it promises enough:
how little is known of it is part of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain import Split
from tuner.finals import Round, most_promising
from tuner.ledger import Ledger
from tuner.plan import qualifying_rung
from tuner.presets import Preset, Rung
from tuner.search import Found


async def qualify(
    found: Found, rounds: Mapping[Split, Round], *, preset: Preset, ledger: Ledger
) -> Found:
    """Have those that promise most answer more of the search split, and keep only them.

    Args:
        found: the search's candidates.
        rounds: of the search split; and of the later two, for whose answers time is set aside.
        preset: how many candidates, and how many prompts.
        ledger: gets the decision, and knows how much time is left.

    Returns:
        The same, with the qualifiers as archive; unchanged where the preset asks for none.
    """
    searched = rounds["search"]
    chosen = most_promising(found, searched.evidence, preset, count=preset.qualifiers, least=0)
    if not chosen:
        return found
    ledger.progress.phase(f"a longer look at {len(chosen)} candidates")

    def afford(elapsed_s: float) -> dict[str, Any]:
        rung = qualifying_rung(
            preset,
            validation=rounds["validation"].pools.all,
            test=rounds["test"].pools.all,
            qualifiers=len(chosen),
            time_left_s=preset.total_s - elapsed_s,
            rate=searched.evidence.rate(elapsed_s),
        )
        return {"rung": [rung.harmful, rung.benign], "qualifiers": [one.key for one in chosen]}

    observed = ledger.observe("qualifying", afford)
    prompts = searched.pools.first(Rung(*observed["rung"]))
    by_key = {candidate.key: candidate for candidate in found.archive}
    qualifiers = tuple(by_key[key] for key in observed["qualifiers"])
    await searched.evidence.gather([(one, prompts) for one in (found.baseline, *qualifiers)])
    return replace(found, archive=qualifiers)
